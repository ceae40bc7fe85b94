#include "probe/probe_case.hpp"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.hpp"

namespace clawrl {
namespace {

using Json = nlohmann::ordered_json;

/// The members of a line. Each reader marks its field as known; what is left at the end is refused.
class Fields {
 public:
  explicit Fields(const Json& line) : line_(line), op_(text("op")) { known_.insert({"id", "name"}); }

  const std::string& op() const { return op_; }
  bool has(const char* key) {
    known_.insert(key);
    return line_.contains(key) && !line_[key].is_null();
  }
  std::string text(const char* key) {
    const Json& value = member(key);
    require(value.is_string(), std::string(key) + " must be a string");
    return value.get<std::string>();
  }
  std::string choice(const char* key, const char* otherwise, const std::vector<std::string>& allowed) {
    const std::string value = has(key) ? text(key) : otherwise;
    if (std::find(allowed.begin(), allowed.end(), value) != allowed.end()) return value;
    std::string names;
    for (const auto& name : allowed) names += (names.empty() ? "" : ", ") + name;
    throw UserError(std::string(key) + " is '" + value + "'; allowed are " + names);
  }
  bool flag(const char* key, bool otherwise = false) {
    if (!has(key)) return otherwise;
    require(line_[key].is_boolean(), std::string(key) + " must be true or false");
    return line_[key].get<bool>();
  }
  double number(const char* key, double otherwise, double low, double high) {
    if (!has(key)) return otherwise;
    const bool fits = line_[key].is_number() && line_[key].get<double>() >= low && line_[key].get<double>() <= high;
    require(fits, std::string(key) + " must be a number from " + Json(low).dump() + " to " + Json(high).dump());
    return line_[key].get<double>();
  }
  std::int32_t whole(const char* key, std::int32_t otherwise, std::int32_t low) {
    return has(key) ? integer(line_[key], key, low) : otherwise;
  }
  std::uint64_t seed(const char* key) {
    if (!has(key)) return 0;
    require(line_[key].is_number_unsigned(), std::string(key) + " must be a whole number from 0");
    return line_[key].get<std::uint64_t>();
  }
  std::vector<std::int32_t> integers(const char* key) {
    const Json& value = member(key);
    require(value.is_array(), std::string(key) + " must be an array of whole numbers");
    std::vector<std::int32_t> made;
    for (const Json& one : value) made.push_back(integer(one, key, 0));
    return made;
  }
  std::vector<std::string> texts(const char* key) {
    const Json& value = member(key);
    require(value.is_array(), std::string(key) + " must be an array of strings");
    std::vector<std::string> made;
    for (const Json& one : value) {
      require(one.is_string(), std::string(key) + " must be an array of strings");
      made.push_back(one.get<std::string>());
    }
    return made;
  }
  /// The member as JSON text; empty if it is not there.
  std::string json(const char* key) { return has(key) ? line_[key].dump() : ""; }

  void refuse_others() const {
    for (const auto& [key, value] : line_.items())
      require(known_.contains(key), "op " + op_ + " has no field '" + key + "'");
  }

 private:
  const Json& member(const char* key) {
    known_.insert(key);
    require(line_.is_object(), "the line must be a JSON object");
    require(line_.contains(key), std::string(key) + " is missing");
    return line_[key];
  }
  static std::int32_t integer(const Json& value, const char* key, std::int32_t low) {
    constexpr std::int32_t high = std::numeric_limits<std::int32_t>::max();
    const bool fits = value.is_number_unsigned() ? value.get<std::uint64_t>() <= static_cast<std::uint64_t>(high)
                                                 : value.is_number_integer();
    require(fits && value.get<std::int64_t>() >= low && value.get<std::int64_t>() <= high,
            std::string(key) + " must be a whole number from " + std::to_string(low) + " to " + std::to_string(high));
    return value.get<std::int32_t>();
  }

  const Json& line_;
  std::set<std::string> known_;
  std::string op_;
};

EncodeCase encode_case(Fields& fields) {
  EncodeCase made;
  made.text = fields.text("text");
  made.post_processor = fields.flag("post_processor");
  if (fields.choice("special", "parse", {"parse", "text"}) == "text") made.literal = {{0, made.text.size()}};
  if (!fields.has("literal")) return made;
  const auto bounds = fields.integers("literal");
  require(bounds.size() % 2 == 0, "literal must be pairs of bytes: [begin, end, begin, end, ...]");
  require(made.literal.empty(), "literal does not go with special: text");
  std::size_t done = 0;
  for (std::size_t i = 0; i < bounds.size(); i += 2) {
    const auto begin = static_cast<std::size_t>(bounds[i]), end = static_cast<std::size_t>(bounds[i + 1]);
    require(begin >= done && begin <= end && end <= made.text.size(),
            "literal must be ascending, disjoint and within the text");
    made.literal.push_back({begin, end});
    done = end;
  }
  return made;
}

DecodeCase decode_case(Fields& fields, bool stream) {
  return {fields.integers("ids"), fields.flag("skip_special"), stream};
}

/// As a server reads `content`: text parts joined by a newline, null = empty.
std::string content_of(const Json& message, const std::string& where) {
  if (!message.contains("content") || message["content"].is_null()) return {};
  if (message["content"].is_string()) return message["content"].get<std::string>();
  require(message["content"].is_array(), where + ".content must be a string, null or an array of text parts");
  std::string text;
  for (const Json& part : message["content"]) {
    require(part.is_object() && part.value("type", "") == "text" && part.contains("text") && part["text"].is_string(),
            where + ".content has a part that is no text");
    text += (text.empty() ? "" : "\n") + part["text"].get<std::string>();
  }
  return text;
}

std::string optional_text(const Json& object, const char* key, const std::string& where) {
  if (!object.contains(key) || object[key].is_null()) return {};
  require(object[key].is_string(), where + "." + key + " must be a string");
  return object[key].get<std::string>();
}

ToolCall tool_call_of(const Json& call, const std::string& where) {
  require(call.is_object() && call.contains("function") && call["function"].is_object(),
          where + ".tool_calls must be objects with a function");
  const Json& function = call["function"];
  ToolCall made{optional_text(call, "id", where), optional_text(function, "name", where), ""};
  if (function.contains("arguments"))
    made.arguments =
        function["arguments"].is_string() ? function["arguments"].get<std::string>() : function["arguments"].dump();
  return made;
}

std::vector<Message> messages_of(const std::string& text) {
  const Json list = Json::parse(text);
  require(list.is_array() && !list.empty(), "messages must be an array that is not empty");
  std::vector<Message> made;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Json& one = list[i];
    const std::string where = "messages[" + std::to_string(i) + "]";
    require(one.is_object() && one.contains("role"), where + " must be an object with a role");
    Message message{optional_text(one, "role", where),
                    content_of(one, where),
                    optional_text(one, "reasoning_content", where),
                    {},
                    optional_text(one, "tool_call_id", where)};
    if (one.contains("tool_calls") && one["tool_calls"].is_array())
      for (const Json& call : one["tool_calls"]) message.tool_calls.push_back(tool_call_of(call, where));
    made.push_back(std::move(message));
  }
  return made;
}

RenderCase render_case(Fields& fields, bool prompt) {
  require(fields.has("messages"), "messages is missing");
  return {messages_of(fields.json("messages")), fields.json("tools"), fields.json("kwargs"),
          fields.flag("add_generation_prompt", prompt), fields.flag("continue_final_message")};
}

LogprobsCase logprobs_case(Fields& fields) {
  LogprobsCase made;
  made.ids = fields.integers("ids");
  require(!made.ids.empty(), "ids must not be empty");
  const auto last = static_cast<std::int32_t>(made.ids.size()) - 1;
  if (fields.has("positions")) {
    made.positions = fields.integers("positions");
    for (std::size_t i = 0; i < made.positions.size(); ++i)
      require(made.positions[i] <= last && (i == 0 || made.positions[i] > made.positions[i - 1]),
              "positions must be ascending and below the number of ids");
  } else {
    for (std::int32_t p = 0; p < last; ++p) made.positions.push_back(p);
  }
  made.temperature = static_cast<float>(fields.number("temperature", 1, 1e-3, 1e3));
  made.paged = fields.choice("path", "training", {"training", "paged"}) == "paged";
  made.chunk = fields.whole("chunk", 0, 1);
  require(made.paged || made.chunk == 0, "chunk goes with path: paged only");
  const std::string rows = fields.choice("rows", "none", {"none", "logits", "log_softmax"});
  made.rows = rows == "none"     ? LogprobsCase::Rows::none
              : rows == "logits" ? LogprobsCase::Rows::logits
                                 : LogprobsCase::Rows::log_softmax;
  require(made.paged || rows != "logits",
          "rows: logits goes with path: paged only (the training path gives log_softmax)");
  return made;
}

GenerateCase generate_case(Fields& fields) {
  GenerateCase made;
  const int prompts = fields.has("ids") + fields.has("text") + fields.has("messages");
  require(prompts == 1, "one of ids, text and messages must be given");
  if (fields.has("ids")) made.ids = fields.integers("ids");
  if (fields.has("text")) made.text = fields.text("text");
  if (fields.has("messages")) made.render = render_case(fields, true);
  made.sampling.temperature = static_cast<float>(fields.number("temperature", 0, 0, 1e3));
  made.sampling.top_p = static_cast<float>(fields.number("top_p", 1, 1e-6, 1));
  made.sampling.top_k = fields.whole("top_k", 0, 0);
  made.sampling.seed = fields.seed("seed");
  made.max_tokens = fields.whole("max_tokens", 16, 1);
  if (fields.has("stop_tokens")) made.stop_tokens = fields.integers("stop_tokens");
  made.skip_special = fields.flag("skip_special", true);
  return made;
}

ParseCase parse_reply_case(Fields& fields) {
  ParseCase made;
  require(fields.has("text") != fields.has("pieces"), "one of text and pieces must be given");
  made.pieces = fields.has("text") ? std::vector{fields.text("text")} : fields.texts("pieces");
  made.prompt_opens_think = fields.flag("prompt_opens_think");
  made.tools_given = fields.flag("tools_given");
  made.length = fields.choice("finish", "stop", {"stop", "length"}) == "length";
  made.tool_format = fields.choice("tool_format", "auto", {"auto", "none", "hermes", "llama_json", "mistral"});
  made.reasoning = fields.choice("reasoning", "auto", {"auto", "on", "off"});
  return made;
}

Json parsed(const std::string& line) {
  try {
    return Json::parse(line);
  } catch (const Json::exception& error) {
    throw UserError(std::string("the line is not valid JSON: ") + error.what());
  }
}

}  // namespace

std::string echo_of(const std::string& line) {
  const Json json = Json::parse(line, nullptr, false);
  std::string echo;
  if (!json.is_object()) return echo;
  for (const char* key : {"id", "name"})
    if (json.contains(key)) echo += (echo.empty() ? "\"" : ",\"") + std::string(key) + "\":" + json[key].dump();
  return echo;
}

ProbeCase parse_case(const std::string& line) {
  const Json json = parsed(line);
  Fields fields(json);
  ProbeCase made;
  made.echo = echo_of(line);
  const std::string op =
      fields.choice("op", "", {"encode", "decode", "stream_decode", "render", "logprobs", "generate", "parse"});
  if (op == "encode") made.question = encode_case(fields);
  if (op == "decode" || op == "stream_decode") made.question = decode_case(fields, op == "stream_decode");
  if (op == "render") made.question = render_case(fields, false);
  if (op == "logprobs") made.question = logprobs_case(fields);
  if (op == "generate") made.question = generate_case(fields);
  if (op == "parse") made.question = parse_reply_case(fields);
  fields.refuse_others();
  return made;
}

}  // namespace clawrl
