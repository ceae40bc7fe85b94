// The text completion object and its chunks.

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "frontend/openai_values.hpp"
#include "frontend/reply_writer.hpp"
#include "frontend/sse.hpp"

namespace clawrl {
namespace {

using values::dump;
using values::Json;

/// `offset`: characters of the reply before the first token; moved behind the last.
Json logprobs_json(const std::vector<TokenLogprob>& tokens, std::size_t& offset) {
  Json texts = Json::array(), numbers = Json::array(), tops = Json::array(), offsets = Json::array();
  for (const TokenLogprob& token : tokens) {
    texts.push_back(token.text);
    numbers.push_back(std::isnan(token.logprob) ? Json(nullptr) : Json(token.logprob));
    offsets.push_back(offset);
    Json top = token.top.empty() ? Json(nullptr) : Json::object();
    for (const auto& [text, logprob] : token.top)
      top.emplace(values::valid(text), logprob);  // of equal texts the likeliest
    tops.push_back(std::move(top));
    for (unsigned char byte : token.text) offset += (byte & 0xC0) != 0x80;  // the first byte of a character
  }
  return {{"tokens", std::move(texts)},
          {"token_logprobs", std::move(numbers)},
          {"top_logprobs", std::move(tops)},
          {"text_offset", std::move(offsets)}};
}

class CompletionWriter : public ReplyWriter {
 public:
  CompletionWriter(const ReplyHead& head, bool with_logprobs) : head_(head), with_logprobs_(with_logprobs) {}

  std::string opening(int choice) override { return nothing(choice); }
  std::string nothing(int choice) override { return sse_event(dump(chunk(choice, "", nullptr, {}))); }

  std::string event(const ReplyDelta& delta) override { return sse_event(dump(chunk_of(delta))); }

  std::string end(const ReplyDelta& last, const ChatUsage& usage, bool include_usage) override {
    Json json = chunk_of(last);
    if (!include_usage) {
      json["usage"] = values::usage(usage);
      return sse_event(dump(json)).append(kSseDone);
    }
    Json counts = head(Json::array());
    counts["usage"] = values::usage(usage);
    return (sse_event(dump(json)) + sse_event(dump(counts))).append(kSseDone);
  }

  std::string whole(const std::vector<WholeReply>& replies, const ChatUsage& usage) override {
    Json choices = Json::array();
    for (const WholeReply& reply : replies)
      choices.push_back(
          choice_json(static_cast<int>(choices.size()), reply.message.text, reply.finish_reason, reply.logprobs));
    Json json = head(std::move(choices));
    json["usage"] = values::usage(usage);
    return dump(json);
  }

 private:
  Json head(Json choices) const {
    return {{"id", head_.id},
            {"object", "text_completion"},
            {"created", head_.created},
            {"model", head_.model},
            {"choices", std::move(choices)}};
  }
  Json choice_json(int choice, const std::string& text, Json reason, const std::vector<TokenLogprob>& logprobs) {
    Json tokens = nullptr;
    if (with_logprobs_ && (!logprobs.empty() || !reason.is_null())) tokens = logprobs_json(logprobs, offsets_[choice]);
    return {{"text", text}, {"index", choice}, {"logprobs", std::move(tokens)}, {"finish_reason", std::move(reason)}};
  }
  Json chunk(int choice, const std::string& text, Json reason, const std::vector<TokenLogprob>& logprobs) {
    return head(Json::array({choice_json(choice, text, std::move(reason), logprobs)}));
  }
  Json chunk_of(const ReplyDelta& delta) {
    const bool ends = delta.kind == ReplyDelta::Kind::finish;
    return chunk(delta.choice, ends ? "" : delta.text, ends ? Json(delta.text) : Json(nullptr), delta.logprobs);
  }

  const ReplyHead head_;
  const bool with_logprobs_;
  std::map<int, std::size_t> offsets_;  // per choice
};

}  // namespace

std::unique_ptr<ReplyWriter> completion_writer(const ReplyHead& head, bool with_logprobs) {
  return std::make_unique<CompletionWriter>(head, with_logprobs);
}

}  // namespace clawrl
