#include "session/trace_generator.hpp"

#include <algorithm>

namespace clawrl::test {
namespace {

const char* const stock_words[] = {"ok", "go on", "thanks", "yes please", "and now?", "try again"};
const char* const stock_replies[] = {"Done.", "Hello! How can I help you today?", "Sure.", "Here you are."};
const std::string carrier =
    "<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>>\nActive exec sessions: none\n<<<END_OPENCLAW_INTERNAL_CONTEXT>>>";
const std::string queued =
    "[Queued user message from a previous active turn; preserved as context only. Continue with the active prompt "
    "below.]\n";

std::string hex(std::mt19937_64& random, int digits) {
  std::string text;
  while (digits-- > 0) text += "0123456789abcdef"[random() % 16];
  return text;
}

}  // namespace

std::string TraceGenerator::words() {
  if (chance(settings_.stock_words)) return stock_words[pick(std::size(stock_words))];
  return "question " + std::to_string(++counter_) + " about " + hex(random_, 3);
}

Message TraceGenerator::new_reply(bool calls) {
  Message reply = bot(chance(settings_.stock_replies) ? stock_replies[pick(std::size(stock_replies))]
                                                      : "reply " + std::to_string(++counter_));
  if (chance(40)) reply.reasoning = "thought " + std::to_string(counter_);
  if (!calls) return reply;
  if (chance(60)) reply.text.clear();
  for (std::size_t i = 0, count = 1 + pick(3); i < count; ++i)
    reply.tool_calls.push_back(
        {"c" + hex(random_, 12), chance(50) ? "exec" : "read",
         chance(30) ? R"({"command": "ls", "times": 1.0})" : R"({"path": "f)" + std::to_string(++counter_) + R"("})"});
  return reply;
}

/// What the client makes of a reply until it sends it again.
Message TraceGenerator::as_sent_back(const Talk& talk, const Message& reply) {
  Message back = reply;
  if (!talk.keeps_reasoning) back.reasoning.clear();
  if (chance(30)) back.text += "\n";
  for (ToolCall& call : back.tool_calls) {
    std::erase(call.arguments, ' ');
    if (const auto one = call.arguments.find("1.0"); one != std::string::npos) call.arguments.replace(one, 3, "1");
    if (talk.own_call_ids) call.id = "own" + std::to_string(++counter_);
  }
  return back;
}

Messages TraceGenerator::as_sent(const Talk& talk) {
  Messages sent;
  if (!talk.system.empty()) sent.push_back(system_prompt(talk.system));
  std::size_t last_user = 0;
  bool first = true;
  for (const Message& message : talk.said) {
    sent.push_back(message);
    if (message.role != "user") continue;
    Message& said = sent.back();
    if (talk.openclaw) said.text = "[Fri 2026-11-20 23:32 UTC] " + said.text;
    if (first && settings_.stated == Stated::runtime_line)
      said.text += "\n\nRuntime: agent=main | session=agent:main:main | sessionId=" + talk.id + " | host=box";
    first = false;
    last_user = sent.size();
  }
  for (int i = 0; last_user > 0 && i < talk.wraps; ++i)
    sent[last_user - 1].text = queued + sent[last_user - 1].text + "\n\nContinue the current task from the above.";
  if (talk.openclaw) sent.push_back(user(carrier));
  return sent;
}

SessionRun::Voice TraceGenerator::voice(const Talk& talk) {
  SessionRun::Voice voice;
  voice.key = "key";
  if (settings_.stated == Stated::header)
    voice.session = talk.openclaw ? talk.id + ":" + std::to_string(talk.compactions) : talk.id;
  if (settings_.stated != Stated::weak_ids) return voice;
  if (talk.number % 2 == 0) voice.client_request_id = "r" + std::to_string(requests_);
  voice.prompt_cache_key = talk.cache_key;
  voice.user = talk.user;
  return voice;
}

void TraceGenerator::start(Talk& talk) {
  const bool equal = chance(settings_.equal_openings);
  talk.id =
      hex(random_, 8) + "-" + hex(random_, 4) + "-" + hex(random_, 4) + "-" + hex(random_, 4) + "-" + hex(random_, 12);
  talk.cache_key = talk.number % 3 == 0   ? "app"
                   : talk.number % 3 == 1 ? "conversation-" + std::to_string(talk.number)
                                          : "";
  talk.user = talk.number % 4 == 0 ? "" : "user" + std::to_string(talk.number % 40);
  talk.openclaw = chance(50);
  talk.keeps_reasoning = chance(50);
  talk.own_call_ids = chance(20);
  talk.system = equal || chance(60) ? "You are a helpful assistant." : "You help user " + std::to_string(talk.number);
  add(talk, user(equal ? "hi" : words()));
  talk.waiting.push_back(ask(talk));
}

void TraceGenerator::add(Talk& talk, Message message, std::int64_t author) {
  talk.said.push_back(std::move(message));
  talk.authors.push_back(author);
}

void TraceGenerator::cut(Talk& talk, std::size_t size) {
  talk.said.resize(size);
  talk.authors.resize(size);
}

std::size_t TraceGenerator::last_reply(const Talk& talk) const {
  for (std::size_t i = talk.said.size(); i-- > 0;)
    if (talk.said[i].role == "assistant") return i + 1;
  return 0;
}

SessionRun::Asked TraceGenerator::ask(Talk& talk) {
  ++requests_;
  for (std::size_t i = 0; i + 1 < talk.said.size(); ++i) {
    if (talk.authors[i] == 0 || talk.said[i + 1].role == "assistant") continue;
    Messages next;
    for (std::size_t k = i + 1; k < talk.said.size() && talk.said[k].role != "assistant"; ++k)
      next.push_back(talk.said[k]);
    truth_.try_emplace(talk.authors[i], Link{requests_, next});
  }
  run_.now += 1;
  SessionRun::Asked asked = run_.ask(as_sent(talk), voice(talk));
  session_of_[asked.turn.id.value] = asked.turn.session;
  for (const LinkedTurn& linked : asked.linked) note(linked, requests_);
  const std::size_t reply = last_reply(talk);
  if (reply > 0 && talk.authors[reply - 1] != 0 && session_of_[talk.authors[reply - 1]] != asked.turn.session)
    ++strayed_;
  return asked;
}

void TraceGenerator::note(const LinkedTurn& linked, std::int64_t request) {
  found_.try_emplace(linked.id.value, Link{request, linked.next_state});
}

void TraceGenerator::answer(Talk& talk, SessionRun::Asked& asked, const Message& reply, bool lives_on) {
  if (const auto linked = run_.answer(asked, reply)) note(*linked, 0);
  if (lives_on) add(talk, as_sent_back(talk, reply), asked.turn.id.value);
}

void TraceGenerator::finish_waiting(Talk& talk) {
  SessionRun::Asked asked = talk.waiting.back();
  talk.waiting.pop_back();
  const Message reply = new_reply(chance(30));
  if (chance(7)) {  // aborted and tried again
    run_.store.aborted(asked.turn.id);
    talk.wraps += talk.openclaw;
    talk.waiting.push_back(ask(talk));
  } else if (chance(4)) {  // tried again while the first call still runs; the first ends later
    SessionRun::Asked again = ask(talk);
    answer(talk, again, bot("reply " + std::to_string(++counter_)));
    answer(talk, asked, bot("reply " + std::to_string(++counter_)), false);
    abandoned_.insert(asked.turn.id.value);
  } else if (chance(4)) {  // two choices; the client goes on with one
    SessionRun::Asked other = asked;
    other.turn.id = {++run_.turns};
    session_of_[other.turn.id.value] = other.turn.session;
    answer(talk, other, bot("choice " + std::to_string(++counter_)), false);
    answer(talk, asked, bot("choice " + std::to_string(++counter_)));
    choices_.insert(asked.turn.id.value);
  } else if (chance(4)) {  // the client goes on before the server knows that the reply has ended
    add(talk, as_sent_back(talk, reply), asked.turn.id.value);
    add(talk, reply.tool_calls.empty() ? user(words()) : result(reply.tool_calls[0].id, "early"));
    talk.waiting.push_back(ask(talk));
    answer(talk, asked, reply, false);
  } else {
    talk.wraps = 0;
    answer(talk, asked, reply);
  }
}

/// What clients do to what was said, beside going on.
void TraceGenerator::rewrite_history(Talk& talk) {
  const std::size_t tail = last_reply(talk);
  std::size_t begin = tail;  // of the exchange that the last reply ends
  while (begin > 0 && (begin == tail || talk.said[begin - 1].role != "assistant")) --begin;
  if (tail == 0 || begin == 0) return;
  const bool summary = settings_.stated == Stated::runtime_line || chance(50);  // the line is in a user message
  if (chance(25)) talk.system = "You are a helpful assistant. It is day " + std::to_string(++counter_);
  if (chance(20)) {
    for (std::size_t i = 0; i + 1 < begin; ++i)
      if (talk.said[i].role == "tool") talk.said[i].text = "[old result dropped]";
    return;
  }
  if (!chance(40)) return;
  const auto kept = static_cast<std::ptrdiff_t>(begin);
  talk.said.erase(talk.said.begin(), talk.said.begin() + kept);
  talk.authors.erase(talk.authors.begin(), talk.authors.begin() + kept);
  if (!summary) return;  // a window that slides
  ++talk.compactions;
  talk.said.insert(talk.said.begin(), user("Summary " + std::to_string(++counter_) + " of what was said before."));
  talk.authors.insert(talk.authors.begin(), 0);
  talk.said.insert(talk.said.begin() + 1, bot("Understood."));
  talk.authors.insert(talk.authors.begin() + 1, 0);
}

void TraceGenerator::say_next(Talk& talk) {
  const std::size_t reply = last_reply(talk);
  const Message& last = talk.said[reply - 1];
  if (last.tool_calls.empty()) return add(talk, user(words()));
  const std::vector<ToolCall> calls = last.tool_calls;
  for (const ToolCall& call : calls) add(talk, result(call.id, "result " + std::to_string(++counter_)));
}

void TraceGenerator::step(Talk& talk) {
  ++talk.steps;
  if (!talk.waiting.empty()) return finish_waiting(talk);
  talk.wraps = 0;
  const std::size_t reply = last_reply(talk);
  const std::int64_t author = reply > 0 ? talk.authors[reply - 1] : 0;
  if (chance(6) && reply == talk.said.size()) {  // the last reply once more
    abandoned_.insert(author);
    cut(talk, reply - 1);
  } else if (chance(5) && reply == talk.said.size() && reply > 1 && talk.said[reply - 2].role == "user") {
    if (reply > 2) abandoned_.insert(author);  // an edited question; an edited opening is a conversation of its own
    cut(talk, reply - 2);
    add(talk, user("edited " + std::to_string(++counter_)));
  } else if (chance(3) && reply > 4) {  // a branch from an earlier reply
    std::size_t at = 1 + pick(reply - 1);
    while (at > 0 && (talk.said[at - 1].role != "assistant" || !talk.said[at - 1].tool_calls.empty())) --at;
    if (at == 0) return;
    cut(talk, at);
    add(talk, user("branch " + std::to_string(++counter_)));
  } else {
    if (settings_.rewrites_history && chance(15)) rewrite_history(talk);
    say_next(talk);
  }
  talk.waiting.push_back(ask(talk));
}

TraceReport TraceGenerator::run() {
  std::vector<Talk*> going;
  for (int i = 0; i < settings_.conversations; ++i) {
    talks_.push_back(std::make_unique<Talk>());
    talks_.back()->number = i;
    going.push_back(talks_.back().get());
  }
  constexpr std::size_t at_once = 60;
  while (!going.empty()) {
    const std::size_t i = pick(std::min(going.size(), at_once));
    Talk& talk = *going[i];
    if (talk.steps == 0 && talk.said.empty())
      start(talk);
    else
      step(talk);
    if (talk.steps < settings_.steps || !talk.waiting.empty()) continue;
    if (const std::size_t reply = last_reply(talk); reply == talk.said.size() && reply > 0)
      last_.insert(talk.authors[reply - 1]);
    going.erase(going.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return compare();
}

TraceReport TraceGenerator::compare() {
  TraceReport report;
  report.requests = requests_;
  report.turns = static_cast<int>(run_.turns);
  report.strayed = strayed_;
  report.expected = static_cast<int>(truth_.size());
  for (const auto& [turn, link] : found_) {
    const auto expected = truth_.find(turn);
    const bool right = expected != truth_.end() && expected->second.next == link.next &&
                       (link.request == 0 || expected->second.request == link.request);
    ++(right ? report.right : report.wrong);
  }
  for (const auto& [turn, link] : truth_) report.missed += !found_.contains(turn);
  for (const EndedTurn& ended : run_.store.expire(run_.now + 1e5)) {
    const std::int64_t turn = ended.id.value;
    report.superseded += ended.superseded;
    report.superseded_missed += !ended.superseded && abandoned_.contains(turn);
    report.superseded_wrong += ended.superseded && last_.contains(turn) && !choices_.contains(turn);
  }
  return report;
}

}  // namespace clawrl::test
