// dump_turns JOURNAL: every turn on record as one line of JSON, by id. A live run may go on writing.

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "core/error.hpp"
#include "journal/journal_reader.hpp"

namespace {

using namespace clawrl;
using nlohmann::ordered_json;

ordered_json to_json(const Message& message) {
  ordered_json json{{"role", message.role}, {"text", message.text}};
  if (!message.reasoning.empty()) json["reasoning"] = message.reasoning;
  for (const ToolCall& call : message.tool_calls)
    json["tool_calls"].push_back({{"id", call.id}, {"name", call.name}, {"arguments", call.arguments}});
  if (!message.tool_call_id.empty()) json["tool_call_id"] = message.tool_call_id;
  return json;
}

ordered_json to_json(const std::vector<Message>& messages) {
  ordered_json list = ordered_json::array();
  for (const Message& message : messages) list.push_back(to_json(message));
  return list;
}

ordered_json to_json(const Turn& turn) {
  const Completion& completion = turn.completion;
  return {{"id", turn.id.value},
          {"session", turn.session},
          {"index", turn.index},
          {"type", turn.type == TurnType::main ? "main" : "side"},
          {"state", name(turn.state)},
          {"exclusion", turn.exclusion},
          {"finish", name(completion.finish)},
          {"error", completion.error},
          {"messages", to_json(turn.messages)},
          {"tools", turn.tools.empty() ? ordered_json::array() : ordered_json::parse(turn.tools)},
          {"reply", turn.reply},
          {"reply_message", to_json(turn.reply_message)},
          {"next_state", to_json(turn.next_state)},
          {"prompt_tokens", turn.prompt.size()},
          {"tokens", completion.ids.size()},
          {"logprobs", completion.logprobs.size()},
          {"masked", !completion.masks.empty()},
          {"temperature", completion.sampling.temperature},
          {"completion_id", turn.completion_id},
          {"key", turn.key},
          {"user", turn.user},
          {"learning", name(turn.learning)},
          {"model", turn.model},
          {"created_s", turn.created_s}};
}

std::vector<TurnId> all_turns(const JournalReader& journal) {
  std::vector<TurnId> ids;
  for (int state = 0; state <= static_cast<int>(TurnState::excluded); ++state)
    for (TurnId id : journal.turns_in(static_cast<TurnState>(state))) ids.push_back(id);
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());  // one may have moved on between two calls
  return ids;
}

}  // namespace

int main(int argc, char** argv) try {
  require(argc == 2, "dump_turns JOURNAL");
  const JournalReader journal(argv[1]);
  for (TurnId id : all_turns(journal))
    if (const auto turn = journal.turn(id)) std::cout << to_json(*turn).dump(-1, ' ', true) << "\n";
  return 0;
} catch (const std::exception& error) {
  std::cerr << "dump_turns: " << error.what() << std::endl;
  return 1;
}
