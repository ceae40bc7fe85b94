// What a line may ask, what comes back for a bad one, and that the others are answered all the same.

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "kernels/runtime.hpp"
#include "model/policy.hpp"
#include "probe/probe.hpp"
#include "prompt/tiny_tokenizer.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using Catch::Matchers::Contains;
using Json = nlohmann::json;

namespace {

/// A folder with a tiny tokenizer and, if wanted, a tiny model with random weights.
struct Folder : test::TemporaryFolder {
  explicit Folder(bool model = false) {
    test::tiny_tokenizer(*this);
    if (!model) return;
    ModelConfig config;
    config.vocab_size = 384;
    config.hidden_size = 32;
    config.intermediate_size = 64;
    config.num_layers = 2;
    config.num_heads = 2;
    config.num_kv_heads = 1;
    config.head_dim = 16;
    config.max_positions = 256;
    config.eos_tokens = {302};
    write_random_model(config, 5, path.string());
  }
};

Json ask(Probe& probe, const Json& question) { return Json::parse(probe.answer(question.dump())); }

std::string error_of(Probe& probe, const std::string& line) { return Json::parse(probe.answer(line)).value("error", ""); }

}  // namespace

TEST_CASE("tokenizer files alone answer encode and decode") {
  const Folder folder;
  Probe probe({.folder = folder.path.string()});
  const Json encoded = ask(probe, {{"op", "encode"}, {"id", 7}, {"name", "n"}, {"text", "the cat<|im_end|>"}});
  CHECK(encoded["id"] == 7);
  CHECK(encoded["name"] == "n");
  CHECK(encoded["ids"].back() == 302);
  CHECK(ask(probe, {{"op", "decode"}, {"ids", encoded["ids"]}})["text"] == "the cat<|im_end|>");
  CHECK(ask(probe, {{"op", "decode"}, {"ids", encoded["ids"]}, {"skip_special", true}})["text"] == "the cat");
  const Json literal =
      ask(probe, {{"op", "encode"}, {"text", "<|im_end|><|im_end|>"}, {"literal", {0, 10}}});
  CHECK(literal["ids"].back() == 302);
  CHECK(literal["ids"].front() != 302);
  CHECK(ask(probe, {{"op", "encode"}, {"text", "<|im_end|>"}, {"special", "text"}})["ids"].size() > 1);
  CHECK(probe.failures() == 0);
  CHECK_THAT(error_of(probe, R"({"op": "logprobs", "ids": [1, 2]})"), Contains("config.json"));
}

TEST_CASE("bad lines are answered with what is wrong") {
  const Folder folder;
  Probe probe({.folder = folder.path.string()});
  const auto refused = [&](const char* line, const char* words) { CHECK_THAT(error_of(probe, line), Contains(words)); };
  refused("", "not valid JSON");
  refused("{\"op\": \"enc", "not valid JSON");
  refused("[1]", "must be a JSON object");
  refused("{}", "op is missing");
  refused(R"({"op": "translate"})", "allowed are encode, decode");
  refused(R"({"op": "encode"})", "text is missing");
  refused(R"({"op": "encode", "text": 5})", "text must be a string");
  refused(R"({"op": "encode", "text": "a", "bos": true})", "op encode has no field 'bos'");
  refused(R"({"op": "encode", "text": "a", "special": "no"})", "allowed are parse, text");
  refused(R"({"op": "encode", "text": "a", "literal": [0, 2]})", "within the text");
  refused(R"({"op": "decode", "ids": [1, -1]})", "ids must be a whole number from 0");
  refused(R"({"op": "decode", "ids": [99999999999]})", "ids must be a whole number");
  refused(R"({"op": "logprobs", "ids": [1], "path": "paged", "chunk": 0})", "chunk must be");
  refused(R"({"op": "logprobs", "ids": [1], "chunk": 4})", "path: paged only");
  refused(R"({"op": "logprobs", "ids": [1], "rows": "logits"})", "path: paged only");
  refused(R"({"op": "logprobs", "ids": [1, 2], "positions": [1, 0]})", "ascending");
  refused(R"({"op": "generate", "ids": [1], "text": "a"})", "one of ids, text and messages");
  refused(R"({"op": "generate", "ids": [1], "temperature": -1})", "temperature must be a number");
  refused(R"({"op": "parse", "text": "a"})", "chat_template");
  CHECK(probe.failures() == 19);
  CHECK(ask(probe, {{"op", "parse"}, {"text", "a"}, {"tool_format", "hermes"}, {"reasoning", "off"}})["message"]["content"] == "a");
}

TEST_CASE("a file of questions: one line each, in order, with line numbers in errors") {
  const Folder folder;
  Probe probe({.folder = folder.path.string()});
  std::istringstream in("{\"op\":\"encode\",\"text\":\"a\",\"id\":1}\n\nnonsense\n{\"op\":\"nothing\",\"id\":\"x\"}\n"
                        "{\"op\":\"encode\",\"text\":\"b\",\"id\":2}\n");
  std::ostringstream out;
  CHECK(run_probe(probe, in, out) == 2);
  std::istringstream answers(out.str());
  std::vector<Json> lines;
  for (std::string line; std::getline(answers, line);) lines.push_back(Json::parse(line));
  REQUIRE(lines.size() == 4);
  CHECK(lines[0]["id"] == 1);
  CHECK_THAT(lines[1]["error"].get<std::string>(), Contains("line 3: "));
  CHECK(lines[2]["id"] == "x");
  CHECK_THAT(lines[2]["error"].get<std::string>(), Contains("line 4: op is 'nothing'"));
  CHECK(lines[3]["ids"].size() == 1);
}

TEST_CASE("a model answers log-probs on both paths and generates") {
  const Folder folder(true);
  const KernelRuntime kernels;
  Probe probe({.folder = folder.path.string(), .context = 128});
  Json question{{"op", "logprobs"}, {"ids", {5, 9, 300, 17, 4, 4}}};
  const auto trained = ask(probe, question)["logprobs"].get<std::vector<double>>();
  question["path"] = "paged";
  const auto paged = ask(probe, question)["logprobs"].get<std::vector<double>>();
  REQUIRE(trained.size() == 5);
  for (std::size_t i = 0; i < 5; ++i) CHECK(paged[i] == Approx(trained[i]).margin(1e-4));
  question["positions"] = {2, 5};
  question["chunk"] = 2;
  question["rows"] = "log_softmax";
  const Json rows = ask(probe, question);
  REQUIRE(rows["logprobs"].size() == 1);  // nothing stands behind the last one
  CHECK(rows["logprobs"][0].get<double>() == Approx(trained[2]).margin(1e-4));
  CHECK(rows["log_softmax"][1].size() == 384);
  const Json greedy = ask(probe, {{"op", "generate"}, {"text", "the cat"}, {"max_tokens", 8}});
  CHECK(greedy["ids"].size() <= 8);
  CHECK(greedy["logprobs"].size() == greedy["ids"].size());
  CHECK(ask(probe, {{"op", "generate"}, {"text", "the cat"}, {"max_tokens", 8}})["ids"] == greedy["ids"]);
  const Json first = greedy["ids"][0];
  const Json stopped = ask(probe, {{"op", "generate"}, {"text", "the cat"}, {"max_tokens", 8}, {"stop_tokens", {first}}});
  CHECK(stopped["ids"].size() == 1);
  CHECK(stopped["finish"] == "stop");
  CHECK_THAT(error_of(probe, R"({"op": "logprobs", "ids": [5, 384]})"), Contains("vocab_size 384"));
  CHECK_THAT(error_of(probe, R"({"op": "generate", "ids": []})"), Contains("no tokens"));
  const Json many{{"op", "logprobs"}, {"ids", std::vector<int>(129, 1)}};
  CHECK_THAT(error_of(probe, many.dump()), Contains("probe.context = 128"));
}

TEST_CASE("parse reads the format from every template of a folder, as the server does") {
  const Folder folder;
  Json config;
  config["chat_template"] = {{{"name", "default"}, {"template", "{{ messages }}"}},
                             {{"name", "tool_use"}, {"template", "{{ messages }}<tool_call>"}}};
  std::ofstream(folder.path / "tokenizer_config.json") << config;
  Probe probe({.folder = folder.path.string()});
  const Json answer = ask(probe, {{"op", "parse"},
                                  {"text", "<tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call>"},
                                  {"tools_given", true}});
  CHECK(answer["finish_reason"] == "tool_calls");
}
