#include "roles/request_desk.hpp"

#include <algorithm>
#include <span>

#include "core/error.hpp"
#include "kernels/top_k.hpp"
#include "roles/clock.hpp"
#include "roles/refusals.hpp"
#include "roles/turn_seed.hpp"
#include "rollout/request_check.hpp"

namespace clawrl {
namespace {

RequestClaim claim_of(const ChatRequest& request, const Turn& turn) {
  RequestClaim claim{turn.messages, request.key, request.session};
  claim.client_request_id = request.client_request_id;
  claim.prompt_cache_key = request.prompt_cache_key;
  claim.user = request.user;
  claim.tools = !request.tools.empty();
  claim.turn_type = request.turn_type;
  return claim;
}

std::string text_of(const PlainPrompt& prompt, const Tokenizer& tokenizer) {
  return prompt.ids.empty() ? prompt.text : tokenizer.decode(prompt.ids, false);
}

}  // namespace

RequestDesk::RequestDesk(Mailbox& mailbox, Journal& journal, SessionStore& sessions, ServiceMeter& meter,
                         Tokenizer tokenizer, ChatTemplate chat_template, RequestDeskSettings settings, Events events)
    : mailbox_(mailbox),
      journal_(journal),
      sessions_(sessions),
      meter_(meter),
      tokenizer_(std::move(tokenizer)),
      template_(std::move(chat_template)),
      settings_(std::move(settings)),
      rule_(find_generation(settings_.rollout.generation)),
      learning_(settings_.learning),
      events_(std::move(events)) {
  for (const auto& [session, learning] : journal_.session_learning()) learning_.set(session, learning);
}

Turn RequestDesk::turn_of(const ChatRequest& request) {
  Turn turn;
  turn.messages = request.messages;
  turn.type = turn_type_of(claim_of(request, turn));
  // Plain text, the rest of a message, or a reply without its opening, is no turn that could be rendered again with a
  // hint.
  if (request.plain || request.continue_final_message || !request.add_generation_prompt) turn.type = TurnType::side;
  turn.tools = request.tools;
  turn.template_arguments = request.template_arguments;
  turn.model = request.model;
  turn.completion_id = request.completion_id;
  turn.key = request.key;
  turn.user = request.user;
  turn.learning = learning_of(request, turn);
  turn.created_s = unix_s();
  return turn;
}

std::optional<std::vector<TokenId>> RequestDesk::prompt_of(const ChatRequest& request, const Turn& turn) const {
  if (request.plain && !request.plain->ids.empty()) return request.plain->ids;
  if (request.plain) return tokenizer_.encode_with_post_processor(request.plain->text);
  TemplateOptions options = template_options(turn);
  options.add_generation_prompt = request.add_generation_prompt && !request.continue_final_message;
  options.continue_final_message = request.continue_final_message;
  const RenderedPrompt prompt = template_.render(turn.messages, turn.tools, options);
  // Thoughts and arguments of calls count only where the template writes them.
  if (prompt.text.size() > most_bytes_per_token * static_cast<std::size_t>(settings_.context)) return std::nullopt;
  return tokenizer_.encode(prompt.text, prompt.data);
}

ReplyParserSettings RequestDesk::parser_settings(const ChatRequest& request, const Turn& turn) const {
  constexpr std::size_t tail = 16;  // tokens: an opened block is at the very end
  const auto kind = request.constraint.kind;
  const bool json = kind == Constraint::Kind::json_object || kind == Constraint::Kind::json_schema;
  ReplyParserSettings settings;
  settings.turn = turn.id.value;
  if (request.plain) return settings;
  settings.format = settings_.reply_format;
  settings.tools_given = !turn.tools.empty() && !json;
  settings.calls_are_certain = kind == Constraint::Kind::tool_call;
  if (!settings.format.reasoning) return settings;
  const std::span<const TokenId> prompt(turn.prompt);
  settings.prompt_opens_think = opens_think(tokenizer_.decode(prompt.last(std::min(prompt.size(), tail)), false)) ||
                                (request.continue_final_message && leaves_think_open(turn.messages.back().text));
  return settings;
}

void RequestDesk::start(std::uint64_t ticket, ChatRequest request, std::shared_ptr<ChatSink> sink) {
  if (refuse(request, *sink) || refuse_constraint(request, *sink)) return;
  hide_identifiers(request);
  if (request.plain) request.messages = {{"user", text_of(*request.plain, tokenizer_), "", {}, ""}};
  Turn turn = turn_of(request);
  try {
    auto prompt = prompt_of(request, turn);
    if (!prompt) return refuse_as_invalid(*sink, too_long(request));
    turn.prompt = std::move(*prompt);
  } catch (const UserError& error) {
    return refuse_as_invalid(*sink, invalid(400, "", "messages", error.what()));
  } catch (const std::exception& error) {  // one request's data must not end the head
    ++meter_.invalid;
    return sink->on_error({500, "server_error", "prompt_failed", "", error.what()});
  }
  if (turn.prompt.size() >= static_cast<std::size_t>(settings_.context))
    return refuse_as_invalid(*sink, too_long(request, turn.prompt.size()));
  turn.id = journal_.next_turn_id();
  GenerateRequest generate;
  try {
    generate = generate_request(request, turn, ticket);
  } catch (const std::exception& error) {  // a generation rule's mistake must not end the head
    ++meter_.refused;
    return sink->on_error({500, "server_error", "generation_failed", "", error.what()});
  }
  if (refuse_echo(request, turn.prompt.size(), *sink)) return;
  if (const std::string problem = refusal(generate, settings_.vocabulary, settings_.context); !problem.empty())
    return refuse_as_invalid(*sink, invalid(400, "", request.plain ? "prompt" : "", problem));
  warn_of_short_replies(request);
  const ReplyParserSettings parser = parser_settings(request, turn);
  const bool redacted = redact_request(turn);
  place(request, turn);
  begin(request, std::move(turn), std::move(generate), parser, std::move(sink), redacted);
}

void RequestDesk::place(const ChatRequest& request, Turn& turn) {
  const RequestClaim claim = claim_of(request, turn);
  if (turn.type == TurnType::main && turn.learning != Learning::off) {
    Placement placement = sessions_.place(claim, turn.id, monotonic_s());
    turn.session = std::move(placement.session);
    turn.index = placement.index;
    for (LinkedTurn& linked : placement.linked) events_.linked(std::move(linked));
    return;
  }
  const std::string stated = stated_session(claim);
  turn.session = session_name(claim.key, stated.empty() ? own_session(turn.id) : stated);
}

/// A turn that can be trained on has its record at the sampling temperature.
void RequestDesk::record_for_client(GenerateRequest& generate, std::int32_t top) const {
  const SamplingParameters& sampling = generate.sampling;
  const bool trainable = sampling.temperature > 0 && !sampling.truncated() && !sampling.adjusted();
  generate.record_at_t1 = generate.record_top_k == 0 || !trainable;
  const auto most = std::min<std::int64_t>(settings_.vocabulary, kernels::max_top_k);
  generate.record_top_k = static_cast<std::int32_t>(std::min<std::int64_t>(std::max(generate.record_top_k, top), most));
}

GenerateRequest RequestDesk::generate_request(const ChatRequest& request, const Turn& turn,
                                              std::uint64_t ticket) const {
  GenerateRequest generate;
  generate.id = {ticket};
  generate.prompt = turn.prompt;
  generate.sampling = request.sampling;
  if (!request.temperature_given) generate.sampling.temperature = static_cast<float>(settings_.rollout.temperature);
  if (!request.seed_given)
    generate.sampling.seed = derived_seed(settings_.seed, static_cast<std::uint64_t>(turn.id.value));
  const auto room = settings_.context - static_cast<std::int32_t>(turn.prompt.size());
  generate.stop.max_tokens =
      std::clamp(request.max_tokens.value_or(settings_.rollout.max_tokens), 1, room);  // 0: not sent
  generate.stop.stop_tokens = settings_.stop_tokens;
  generate.constraint = request.constraint;
  if (settings_.version) generate.version = settings_.version(turn);
  if (turn.type == TurnType::main) generate.record_top_k = settings_.record_top_k;
  if (turn.type == TurnType::main && turn.learning == Learning::learn) {
    apply(rule_, {turn, settings_.rollout, request.temperature_given, request.max_tokens.has_value()}, generate);
    generate.stop.max_tokens = std::min(generate.stop.max_tokens, room);
  }
  if (request.logprobs) record_for_client(generate, request.top_logprobs);
  return generate;
}

const Turn* RequestDesk::generating(const std::function<bool(const Turn&)>& wanted) const {
  for (const auto& [ticket, active] : active_)
    if (wanted(active.turn)) return &active.turn;
  return nullptr;
}

int RequestDesk::active_on(int rank) const {
  const auto found = load_.find(rank);
  return found == load_.end() ? 0 : found->second;
}

/// A session stays on one rank, where its prefix is cached, unless that rank is much busier than the least busy one.
int RequestDesk::route(const std::string& session) {
  constexpr int tolerated = 8;
  const auto& ranks = settings_.rollout_ranks;
  const int home = ranks[std::hash<std::string>{}(session) % ranks.size()];
  const int idlest = *std::min_element(ranks.begin(), ranks.end(), [&](int a, int b) { return load_[a] < load_[b]; });
  return load_[home] <= load_[idlest] + tolerated ? home : idlest;
}

}  // namespace clawrl
