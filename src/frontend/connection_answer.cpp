// From a whole request to the call that answers it.

#include <boost/asio/post.hpp>
#include <boost/beast/core/string.hpp>
#include <cctype>
#include <typeinfo>

#include "frontend/connection.hpp"
#include "frontend/feedback_json.hpp"
#include "frontend/http_metrics.hpp"
#include "frontend/server_reply.hpp"
#include "frontend/user_data_json.hpp"

namespace clawrl {

namespace asio = boost::asio;
namespace http = boost::beast::http;

namespace {

std::optional<std::string> header(const http::fields& fields, const char* name) {
  const auto it = fields.find(name);
  if (it == fields.end() || it->value().empty()) return std::nullopt;
  return std::string(it->value());
}

RequestHeaders headers_of(const http::fields& fields) {
  return request_headers([&](const char* name) { return header(fields, name); });
}

/// Of /v1/models/<id>, %XX decoded.
std::string model_in(std::string target) {
  target = target.substr(0, target.find('?')).substr(std::string_view("/v1/models/").size());
  const auto hexadecimal = [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; };
  std::string text;
  for (std::size_t i = 0; i < target.size(); ++i) {
    const bool escaped =
        target[i] == '%' && i + 2 < target.size() && hexadecimal(target[i + 1]) && hexadecimal(target[i + 2]);
    text += escaped ? static_cast<char>(std::stoi(target.substr(i + 1, 2), nullptr, 16)) : target[i];
    if (escaped) i += 2;
  }
  return text;
}

/// An empty name means the only model.
void check_model(ChatService& service, const std::string& model) {
  if (!model.empty()) format_model(service.models(), model);
}

/// "Bearer <key>", the scheme in any case; empty when it is something else.
std::string_view bearer(boost::beast::string_view value) {
  constexpr std::size_t scheme = 7;
  if (value.size() <= scheme || !boost::beast::iequals(value.substr(0, scheme), "Bearer ")) return {};
  return {value.data() + scheme, value.size() - scheme};
}

/// What a client wrote, short enough for an answer.
std::string shown(const std::string& text) {
  constexpr std::size_t most = 100;
  return text.size() <= most ? text : text.substr(0, most) + "...";
}

}  // namespace

void Connection::dispatch() {
  phase_ = Phase::replying;
  disarm_deadline();
  Request request = parser_->release();
  parser_.reset();
  key_ = nullptr;
  ++serial_;
  const std::string method(request.method_string()), target(request.target());
  const Route route = find_route(method, target);
  endpoint_ = route.endpoint;
  allow_ = route.allow;
  if (route.endpoint == Endpoint::none)
    return reply(
        404, format_error(server_error(404, "no such path: " + shown(target) + "; this server has " + known_paths())));
  if (method == "OPTIONS") return reply(204, "");
  if (!route.allowed)
    return reply(405, format_error(server_error(405, shown(target) + " takes " + allow_ + ", not " + shown(method))));
  allow_.clear();
  if (admit(request, route)) guarded([&] { answer(request, route.endpoint); });
}

template <class Action>
void Connection::guarded(Action action) {
  try {
    action();
  } catch (const RequestError& problem) {
    reply(problem.error.status, format_error(problem.error));
  } catch (const std::exception& problem) {
    // What it says may quote the conversation: the client gets it, the log does not.
    context_->log(std::string("internal error at ") + name(endpoint_) + ": " + typeid(problem).name());
    reply(500, format_error(server_error(500, problem.what())));
  }
}

bool Connection::admit(const Request& request, const Route& route) {
  const ApiKeys& keys = context_->settings.keys;
  const auto deny = [this](int status, const std::string& message) {
    reply(status, format_error(server_error(status, message)));
    return false;
  };
  if (route.access != Access::open && !keys.empty()) {
    key_ = keys.find(bearer(request[http::field::authorization]));
    if (!key_) return deny(401, "a valid key is needed: send 'Authorization: Bearer <key>'");
    if (!key_->may(route.access))
      return deny(403, "this key may not do that: it has not the role '" + std::string(name(route.access)) + "'");
  }
  if (request.method() != http::verb::post) return true;
  if (context_->draining) return deny(503, "the server is shutting down");
  const std::chrono::duration<double> now = std::chrono::steady_clock::now().time_since_epoch();
  auto admitted = context_->limits.admit(key_, now.count());
  if (auto* refusal = std::get_if<RequestLimits::Refusal>(&admitted)) {
    retry_after_s_ = refusal->retry_after_s;
    reply(refusal->error.status, format_error(refusal->error));
    return false;
  }
  place_ = std::move(std::get<RequestLimits::Place>(admitted));
  return true;
}

template <class Parse, class Then>
void Connection::parsed(std::size_t bytes, Parse parse, Then then) {
  if (bytes < context_->settings.parse_aside_bytes) {
    auto result = parse();
    free_body();
    return then(std::move(result));
  }
  context_->run_aside([self = shared_from_this(), parse = std::move(parse), then = std::move(then)] {
    std::shared_ptr<decltype(parse())> result;
    std::exception_ptr problem;
    try {
      result = std::make_shared<decltype(parse())>(parse());
    } catch (...) {
      problem = std::current_exception();
    }
    asio::post(self->executor_, [self, result, problem, then] {
      if (self->phase_ != Phase::replying) return;
      self->guarded([&] {
        if (problem) std::rethrow_exception(problem);
        if (self->eof_) return self->close();  // nobody waits for it any more
        self->free_body();
        then(std::move(*result));
      });
    });
  });
}

void Connection::answer(Request& request, Endpoint endpoint) {
  ChatService& service = context_->service;
  const auto state = [this](const std::string& problem, const std::string& unrecorded) {
    const std::string shown = context_->draining ? "shutting down" : problem;
    reply(shown.empty() ? 200 : 503, format_ready(shown, unrecorded));
  };
  switch (endpoint) {
    case Endpoint::chat:
      return start_replies(request, parse_chat_request);
    case Endpoint::completions:
      return start_replies(request, parse_completion_request);
    case Endpoint::tokenize:
      return tokenize(request);
    case Endpoint::detokenize:
      return detokenize(request);
    case Endpoint::models:
      return reply(200, format_models(service.models()));
    case Endpoint::model:
      return reply(200, format_model(service.models(), model_in(std::string(request.target()))));
    case Endpoint::feedback: {
      FeedbackRequest feedback = parse_feedback_request(request.body());
      if (key_) feedback.key = key_->id;
      return service.feedback(std::move(feedback), later<FeedbackReceipt>(format_feedback));
    }
    case Endpoint::export_user:
      return service.export_user(parse_user_data_request(request.body(), own_key()), later<UserExport>(format_export));
    case Endpoint::erase_user:
      return service.erase_user(parse_user_data_request(request.body(), own_key()),
                                later<ErasureReport>(format_erasure));
    case Endpoint::status:
      return reply(200, service.status_json());
    case Endpoint::version: {
      const auto models = service.models();
      return reply(200, format_version(models.empty() ? "" : models.front().id));
    }
    case Endpoint::metrics:
      content_type_ = "text/plain; version=0.0.4; charset=utf-8";
      return reply(200, http_metrics(*context_) + service.metrics_text());
    case Endpoint::ready:
      return state(service.ready(), service.unrecorded());
    default:
      return state(service.health(), "");
  }
}

/// The key whose data alone the caller may ask for; empty = anybody's.
std::string Connection::own_key() const {
  return key_ && !key_->admin ? key_->id : std::string();
}

void Connection::start_replies(Request& request, ParsedChat (*parse)(std::string_view, const RequestHeaders&)) {
  const std::size_t bytes = request.body().size();
  parsed(
      bytes, [body = std::move(request.body()), headers = headers_of(request), parse] { return parse(body, headers); },
      [this](ParsedChat chat) { begin(std::move(chat)); });
}

void Connection::begin(ParsedChat parsed) {
  if (key_) {
    parsed.request.key = key_->id;
    parsed.request.learning = stricter(parsed.request.learning, key_->learning);
  }
  auto wake = [weak = weak_from_this(), executor = executor_] {
    asio::post(executor, [weak] {
      if (const auto self = weak.lock()) self->pump();
    });
  };
  ReplyTransport& self = *this;
  exchange_ = std::make_unique<ChatExchange>(std::move(parsed), context_->service, context_->settings, self, wake);
  exchange_->begin();
  if (exchange_ && exchange_->streamed()) arm_tick(std::chrono::steady_clock::now() + context_->settings.error_grace);
}

void Connection::tokenize(Request& request) {
  const std::size_t bytes = request.body().size();
  parsed(
      bytes, [body = std::move(request.body())] { return parse_tokenize_request(body); },
      [this](TokenizeRequest wanted) {
        ChatService& service = context_->service;
        check_model(service, wanted.model);
        auto format = [models = service.models()](const std::vector<TokenId>& ids) {
          return format_tokens(ids, models);
        };
        service.tokenize(std::move(wanted), later<std::vector<TokenId>>(std::move(format)));
      });
}

void Connection::detokenize(Request& request) {
  const std::size_t bytes = request.body().size();
  parsed(
      bytes, [body = std::move(request.body())] { return parse_detokenize_request(body); },
      [this](DetokenizeRequest wanted) {
        check_model(context_->service, wanted.model);
        context_->service.detokenize(std::move(wanted.tokens), later<std::string>(format_prompt));
      });
}

template <class T, class Format>
Answer<T> Connection::later(Format format) {
  arm_deadline(context_->settings.answer_timeout);
  return [weak = weak_from_this(), executor = executor_, format, serial = serial_](Outcome<T> outcome) {
    asio::post(executor, [weak, format, serial, outcome = std::move(outcome)] {
      const auto self = weak.lock();
      if (!self || self->phase_ != Phase::replying || self->serial_ != serial || self->last_queued_) return;
      self->reply(outcome.value ? 200 : outcome.error.status,
                  outcome.value ? format(*outcome.value) : format_error(outcome.error));
    });
  };
}

}  // namespace clawrl
