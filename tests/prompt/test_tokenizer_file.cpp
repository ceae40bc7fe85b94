// Damaged and unsupported files are refused with the file's and the field's name.

#include <fstream>
#include <nlohmann/json.hpp>

#include "core/error.hpp"
#include "prompt/tiny_tokenizer.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using Catch::Matchers::Contains;
using Json = nlohmann::json;

namespace {

struct Fixture {
  test::TemporaryFolder folder;
  std::string path = (folder.path / "tokenizer.json").string();
  Json json;
  Fixture() {
    test::tiny_tokenizer(folder);
    std::ifstream in(path);
    json = Json::parse(in);
  }
  std::string text(const std::string& file) const {
    std::ifstream in(folder.path / file);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void write(const std::string& text) const { std::ofstream(path, std::ios::trunc) << text; }
  /// The complaint about the file with `pointer` set to `value`; empty if it loads.
  std::string complaint(const std::string& pointer, const Json& value) const {
    Json damaged = json;
    damaged[Json::json_pointer(pointer)] = value;
    write(damaged.dump());
    return complaint();
  }
  std::string complaint() const {
    try {
      Tokenizer::load(path);
    } catch (const UserError& error) {
      return error.what();
    }
    return {};
  }
};

}  // namespace

TEST_CASE("what cannot be a tokenizer.json at all") {
  const Fixture fixture;
  CHECK_THROWS_WITH(Tokenizer::load(fixture.path + ".none"), Contains(".none") && Contains("cannot be read"));
  for (const std::string& damaged :
       {std::string(), std::string("{"), std::string("\x00\xFF", 2), fixture.text("tokenizer.json").substr(0, 5000)}) {
    fixture.write(damaged);
    CHECK_THAT(fixture.complaint(), Contains(fixture.path) && Contains("not valid JSON"));
  }
  fixture.write("[]");
  CHECK_THAT(fixture.complaint(), Contains("must be an object"));
  fixture.write("{}");
  CHECK_THAT(fixture.complaint(), Contains("model is missing"));
}

TEST_CASE("damaged fields are named") {
  const Fixture fixture;
  const auto refused = [&](const char* pointer, const Json& value, const char* words) {
    const std::string complaint = fixture.complaint(pointer, value);
    CHECK_THAT(complaint, Contains(fixture.path));
    CHECK_THAT(complaint, Contains(words));
  };
  refused("/model/vocab", nullptr, "model.vocab must be an object");
  refused("/model/vocab/a", -1, "model.vocab['a'] must be a whole number");
  refused("/model/vocab/a", "64", "model.vocab['a'] must be a whole number");
  refused("/model/vocab/a", 1e30, "model.vocab['a'] must be a whole number");
  refused("/model/vocab/a", 65, "an id that another token has");
  refused("/model/merges", 5, "model.merges must be an array");
  refused("/model/merges/3", "abc", "model.merges[3] must be two tokens");
  refused("/model/merges/3", Json::array({"a"}), "model.merges[3] must have two tokens");
  refused("/model/merges/3", "q zz", "needs the token 'zz'");
  refused("/added_tokens/0/id", 64, "added_tokens[0] has an id that another token has");
  refused("/added_tokens/1/content", "", "added_tokens[1].content is empty");
  refused("/added_tokens/1/special", 1, "added_tokens[1].special must be true or false");
  refused("/pre_tokenizer/pretokenizers/0/pattern/Regex", "(", "does not compile");
}

TEST_CASE("unsupported components are refused by name") {
  const Fixture fixture;
  const auto refused = [&](const char* pointer, const Json& value, const char* words) {
    CHECK_THAT(fixture.complaint(pointer, value), Contains(words));
  };
  refused("/model/type", "Unigram", "has type 'Unigram'; only BPE");
  refused("/model/byte_fallback", true, "model.byte_fallback must be false with a ByteLevel");
  refused("/model/dropout", 0.1, "model.dropout is not supported");
  refused("/normalizer/type", "NFKC", "normalizer has type 'NFKC'");
  refused("/pre_tokenizer", {{"type", "Whitespace"}}, "pre_tokenizer has type 'Whitespace'");
  refused("/pre_tokenizer", nullptr, "model needs byte_fallback: true, or a ByteLevel stage");
  refused("/pre_tokenizer/pretokenizers/0/behavior", "Shuffled", "behavior is 'Shuffled'; it must be Isolated");
  refused("/post_processor/type", "BertProcessing", "post_processor has type 'BertProcessing'");
  refused("/decoder/type", "Metaspace", "decoder must be ByteLevel");
  refused("/added_tokens/0/single_word", true, "added_tokens[0].single_word is not supported");
}

TEST_CASE("other spellings of the same file") {
  Fixture fixture;
  const std::vector<TokenId> wanted = Tokenizer::load(fixture.path).encode("the cat");
  for (Json& merge : fixture.json["model"]["merges"]) {
    const auto text = merge.get<std::string>();
    merge = Json::array({text.substr(0, text.find(' ')), text.substr(text.find(' ') + 1)});
  }
  CHECK(fixture.complaint("/normalizer", nullptr).empty());
  const Tokenizer pairs = Tokenizer::load(fixture.path);
  CHECK(pairs.encode("the cat") == wanted);
  CHECK(pairs.encode("e\xCC\x81") != pairs.encode("\xC3\xA9"));  // no normaliser
  const Json with_bos = {{"type", "TemplateProcessing"},
                         {"single", {{{"SpecialToken", {{"id", "B"}}}}, {{"Sequence", {{"id", "A"}}}}}},
                         {"special_tokens", {{"B", {{"ids", {300}}}}}}};
  CHECK(fixture.complaint("/post_processor", with_bos).empty());
  CHECK(Tokenizer::load(fixture.path).encode_with_post_processor("") == std::vector<TokenId>{300});
}

TEST_CASE("added tokens may take white space with them or be looked for after normalisation") {
  Fixture fixture;
  fixture.json["added_tokens"][3]["lstrip"] = true;  // <think>
  fixture.json["added_tokens"][3]["rstrip"] = true;
  fixture.json["added_tokens"][4]["normalized"] = true;
  fixture.json["added_tokens"][4]["content"] = "e\xCC\x81!";
  fixture.write(fixture.json.dump());
  const Tokenizer tokenizer = Tokenizer::load(fixture.path);
  CHECK(tokenizer.encode("a \xE3\x80\x80<think>\n b") == std::vector<TokenId>{64, 303, 65});
  CHECK(tokenizer.encode("\xC3\xA9!") == std::vector<TokenId>{304});
}

TEST_CASE("the written files say what Hugging Face wants to know") {
  const Fixture fixture;
  const Json config = Json::parse(fixture.text("tokenizer_config.json"));
  CHECK(config["eos_token"] == "<|im_end|>");
  CHECK(config["added_tokens_decoder"]["301"]["content"] == "<|im_start|>");
  CHECK(config["added_tokens_decoder"]["303"]["special"] == false);
  CHECK(fixture.json["model"]["merges"].size() >= 44);
  CHECK_FALSE(std::filesystem::exists(fixture.path + ".partial"));
  const test::TemporaryFolder folder;
  std::ofstream(folder.path / "file") << "x";
  const TrainedBpe bpe = train_bpe({}, 256);
  CHECK_THROWS_AS(write_tokenizer(bpe, (folder.path / "file").string()), UserError);
}
