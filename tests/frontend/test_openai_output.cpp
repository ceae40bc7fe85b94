// What a request says about the form of its reply: tools, JSON, template arguments; and what is refused by name.

#include "frontend/openai_json.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using Kind = Constraint::Kind;

namespace {

const std::string tools = R"([{"type":"function","function":{"name":"f","parameters":{"b":1,"a":2}}},)"
                          R"({"type":"function","function":{"name":"g"}}])";

ChatRequest parse(const std::string& fields, const std::string& last = R"({"role":"user","content":"hi"})") {
  return parse_chat_request(R"({"model":"demo","messages":[)" + last + "]," + fields + "}").request;
}

std::string refused(const std::string& fields) {
  try {
    parse(fields);
  } catch (const RequestError& problem) {
    CHECK(problem.error.status == 400);
    CHECK_FALSE(problem.error.message.empty());
    return problem.error.param;
  }
  return "not refused";
}

std::string with_tools(const std::string& fields) {
  return "\"tools\":" + tools + (fields.empty() ? "" : ",") + fields;
}

}  // namespace

TEST_CASE("tool_choice") {
  CHECK(parse(with_tools("")).tools == tools);
  CHECK(parse(with_tools("")).constraint == Constraint{});
  CHECK(parse(with_tools(R"("tool_choice":"auto","parallel_tool_calls":false)")).constraint == Constraint{});
  const ChatRequest none = parse(with_tools(R"("tool_choice":"none")"));
  CHECK(none.tools.empty());  // the template is not told of them
  CHECK(none.constraint == Constraint{});
  CHECK(parse(with_tools(R"("tool_choice":"required")")).constraint == Constraint{Kind::tool_call, tools, ""});
  CHECK(parse(with_tools(R"("tool_choice":{"type":"function","function":{"name":"g"}})")).constraint ==
        Constraint{Kind::tool_call, tools, "g"});
  CHECK(parse(R"("tool_choice":"none")").tools.empty());
  CHECK(parse(R"("tool_choice":"auto","tools":[])").constraint == Constraint{});
}

TEST_CASE("a tool_choice that cannot be held is refused by name") {
  CHECK(refused(R"("tool_choice":"required")") == "tool_choice");
  CHECK(refused(R"("tool_choice":"required","tools":[])") == "tool_choice");
  CHECK(refused(R"("tool_choice":{"type":"function","function":{"name":"f"}})") == "tool_choice");
  CHECK(refused(with_tools(R"("tool_choice":{"type":"function","function":{"name":"h"}})")) == "tool_choice");
  CHECK(refused(with_tools(R"("tool_choice":"any")")) == "tool_choice");
  CHECK(refused(with_tools(R"("tool_choice":3)")) == "tool_choice");
  CHECK(refused(with_tools(R"("tool_choice":{"type":"web"})")) == "tool_choice.type");
  CHECK(refused(with_tools(R"("tool_choice":{"type":"function"})")) == "tool_choice.function");
  CHECK(refused(with_tools(R"("tool_choice":{"type":"function","function":{}})")) == "tool_choice.function.name");
  CHECK(refused(R"("tools":[{"type":"function"}],"tool_choice":"required")") == "tools[0].function");
  CHECK(refused(R"("tools":[{"function":{"name":""}}],"tool_choice":"required")") == "tools[0].function.name");
  CHECK(refused(with_tools(R"("parallel_tool_calls":"yes")")) == "parallel_tool_calls");
}

TEST_CASE("response_format") {
  CHECK(parse(R"("response_format":null)").constraint == Constraint{});
  CHECK(parse(R"("response_format":{"type":"text"})").constraint == Constraint{});
  CHECK(parse(R"("response_format":{"type":"json_object"})").constraint == Constraint{Kind::json_object, "", ""});
  const std::string schema = R"({"type":"object","properties":{"z":{"type":"string"},"a":{}}})";
  const std::string named =
      R"({"type":"json_schema","json_schema":{"name":"n","strict":true,"schema":)" + schema + "}}";
  CHECK(parse("\"response_format\":" + named).constraint == Constraint{Kind::json_schema, schema, ""});
  CHECK(refused(R"("response_format":"json")") == "response_format");
  CHECK(refused(R"("response_format":{})") == "response_format.type");
  CHECK(refused(R"("response_format":{"type":"grammar"})") == "response_format.type");
  CHECK(refused(R"("response_format":{"type":"json_schema"})") == "response_format.json_schema");
  CHECK(refused(R"("response_format":{"type":"json_schema","json_schema":{"name":"n"}})") ==
        "response_format.json_schema.schema");
  CHECK(refused(R"("response_format":{"type":"json_schema","json_schema":{"schema":{},"strict":1}})") ==
        "response_format.json_schema.strict");
  CHECK(refused(with_tools(R"("tool_choice":"required","response_format":{"type":"json_object"})")) ==
        "response_format");
  CHECK(parse(with_tools(R"("response_format":{"type":"json_object"})")).constraint.kind == Kind::json_object);
}

TEST_CASE("template arguments") {
  CHECK(parse(R"("n":1)").template_arguments.empty());
  CHECK(parse(R"("chat_template_kwargs":{"z":1,"a":[true]})").template_arguments == R"({"z":1,"a":[true]})");
  CHECK(parse(R"("enable_thinking":false)").template_arguments == R"({"enable_thinking":false})");
  CHECK(parse(R"("reasoning_effort":"none")").template_arguments == R"({"enable_thinking":false})");
  CHECK(parse(R"("reasoning_effort":"low")").template_arguments == R"({"reasoning_effort":"low"})");
  CHECK(parse(R"("reasoning_effort":"none","chat_template_kwargs":{"enable_thinking":true})").template_arguments ==
        R"({"enable_thinking":true})");
  CHECK(refused(R"("chat_template_kwargs":[])") == "chat_template_kwargs");
  CHECK(refused(R"("chat_template_kwargs":{"messages":[]})") == "chat_template_kwargs");
  CHECK(refused(R"("enable_thinking":"no")") == "enable_thinking");
  CHECK(refused(R"("reasoning_effort":3)") == "reasoning_effort");
}

TEST_CASE("continuing a message") {
  const std::string assistant = R"({"role":"assistant","content":"The answer"})";
  CHECK(parse(R"("n":1)").add_generation_prompt);
  CHECK_FALSE(parse(R"("add_generation_prompt":false)").add_generation_prompt);
  const ChatRequest goes_on = parse(R"("continue_final_message":true)", assistant);
  CHECK(goes_on.continue_final_message);
  CHECK_FALSE(goes_on.add_generation_prompt);
  CHECK_THROWS_AS(parse(R"("continue_final_message":true,"add_generation_prompt":true)", assistant), RequestError);
  CHECK(refused(R"("continue_final_message":true)") == "continue_final_message");  // the user's message
}
