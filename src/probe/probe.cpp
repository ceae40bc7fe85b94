#include "probe/probe.hpp"

#include <filesystem>
#include <istream>
#include <optional>
#include <ostream>

#include "core/error.hpp"
#include "probe/model_probe.hpp"
#include "probe/template_probe.hpp"
#include "prompt/detokenizer.hpp"
#include "prompt/reply_parser.hpp"
#include "prompt/tokenizer.hpp"

namespace clawrl {

struct Probe::State {
  ProbeSettings settings;
  std::optional<Tokenizer> tokenizer = {};
  std::optional<TemplateProbe> prompts = {};
  std::optional<ModelProbe> model = {};

  const Tokenizer& the_tokenizer() {
    if (!tokenizer) tokenizer = Tokenizer::load(settings.folder + "/tokenizer.json");
    return *tokenizer;
  }
  bool has_tokenizer() const { return std::filesystem::exists(settings.folder + "/tokenizer.json"); }
  TemplateProbe& the_template() {
    if (!prompts) prompts.emplace(settings.folder);
    return *prompts;
  }
  ModelProbe& the_model() {
    if (model) return *model;
    const auto config = read_model_config(settings.folder);
    if (has_tokenizer()) check_vocabulary(config, the_tokenizer().vocab_size(), settings.folder);
    model.emplace(settings.folder, settings.device, settings.context);
    return *model;
  }

  ProbeAnswer answer(const EncodeCase& question) {
    auto ids = the_tokenizer().encode(question.text, question.literal);
    if (!question.post_processor) return EncodeAnswer{std::move(ids)};
    return EncodeAnswer{the_tokenizer().post_processed(std::move(ids))};
  }

  ProbeAnswer answer(const DecodeCase& question) {
    if (!question.stream) return DecodeAnswer{the_tokenizer().decode(question.ids, question.skip_special)};
    Detokenizer stream(the_tokenizer(), question.skip_special);
    StreamAnswer made;
    for (const TokenId id : question.ids) made.pieces.push_back(stream.push(id));
    made.flush = stream.flush();
    return made;
  }

  ProbeAnswer answer(const RenderCase& question) {
    return the_template().render(has_tokenizer() ? &the_tokenizer() : nullptr, question);
  }
  ProbeAnswer answer(const LogprobsCase& question) { return the_model().logprobs(question); }

  ProbeAnswer answer(const GenerateCase& question) {
    std::vector<TokenId> prompt = question.ids;
    if (question.text) prompt = the_tokenizer().encode_with_post_processor(*question.text);
    if (question.render) prompt = the_template().render(&the_tokenizer(), *question.render).ids;
    GenerateAnswer made = the_model().generate(question, std::move(prompt));
    if (has_tokenizer()) made.text = the_tokenizer().decode(made.completion.ids, question.skip_special);
    return made;
  }

  ProbeAnswer answer(const ParseCase& question) {
    const bool needs_template = question.tool_format == "auto" || question.reasoning == "auto";
    ReplyParserSettings parser;
    parser.format =
        reply_format(needs_template ? the_template().source() : "", question.tool_format, question.reasoning);
    parser.tools_given = question.tools_given;
    parser.prompt_opens_think = question.prompt_opens_think;
    ReplyParser reply(parser);
    for (const std::string& piece : question.pieces) reply.push(piece);
    const auto end = reply.finish(question.length ? FinishReason::length : FinishReason::stop);
    return ParseAnswer{reply.message(), end.finish_reason, reply.unshown_text()};
  }
};

Probe::Probe(ProbeSettings settings) : state_(std::make_unique<State>(State{std::move(settings)})) {}
Probe::~Probe() = default;

std::string Probe::answer(const std::string& line, std::int64_t number) try {
  const ProbeCase one = parse_case(line);
  const auto answered = std::visit([&](const auto& question) { return state_->answer(question); }, one.question);
  return answer_line(one.echo, answered);
} catch (const std::exception& error) {
  ++failures_;
  return error_line(echo_of(line), (number > 0 ? "line " + std::to_string(number) + ": " : "") + error.what());
}

std::int64_t run_probe(Probe& probe, std::istream& in, std::ostream& out) {
  const std::int64_t before = probe.failures();
  std::int64_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    out << probe.answer(line, number) << '\n';
    require(out.good(), "probe.out: cannot be written");
  }
  out.flush();
  require(out.good(), "probe.out: cannot be written");
  return probe.failures() - before;
}

}  // namespace clawrl
