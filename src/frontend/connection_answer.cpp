// From a whole request to the call that answers it.

#include <boost/asio/post.hpp>
#include <boost/beast/core/string.hpp>

#include "frontend/connection.hpp"
#include "frontend/server_reply.hpp"

namespace clawrl {

namespace asio = boost::asio;
namespace http = boost::beast::http;

namespace {

std::optional<std::string> header(const http::fields& fields, const char* name) {
  const auto it = fields.find(name);
  if (it == fields.end() || it->value().empty()) return std::nullopt;
  return std::string(it->value());
}

/// "Bearer <key>", the scheme in any case; empty when it is something else.
std::string_view bearer(boost::beast::string_view value) {
  constexpr std::size_t scheme = 7;
  if (value.size() <= scheme || !boost::beast::iequals(value.substr(0, scheme), "Bearer ")) return {};
  return {value.data() + scheme, value.size() - scheme};
}

}  // namespace

void Connection::dispatch() {
  phase_ = Phase::replying;
  disarm_deadline();
  const Request request = parser_->release();
  parser_.reset();
  key_ = nullptr;
  ++serial_;
  const std::string method(request.method_string()), target(request.target());
  const Route route = find_route(method, target);
  allow_ = route.allow;
  if (route.endpoint == Endpoint::none)
    return reply(404,
                 format_error(server_error(404, "no such path: " + target + "; this server has " + known_paths())));
  if (method == "OPTIONS") return reply(204, "");
  if (!route.allowed)
    return reply(405, format_error(server_error(405, target + " takes " + allow_ + ", not " + method)));
  allow_.clear();
  if (!authorize(request, route.access)) return;
  try {
    answer(request, route.endpoint);
  } catch (const RequestError& problem) {
    reply(problem.error.status, format_error(problem.error));
  } catch (const std::exception& problem) {
    context_->log(std::string("internal error in ") + target + ": " + problem.what());
    reply(500, format_error(server_error(500, problem.what())));
  }
}

bool Connection::authorize(const Request& request, Access access) {
  const ApiKeys& keys = context_->settings.keys;
  if (access == Access::open || keys.empty()) return true;
  key_ = keys.find(bearer(request[http::field::authorization]));
  if (!key_)
    reply(401, format_error(server_error(401, "a valid key is needed: send 'Authorization: Bearer <key>'")));
  else if (!key_->may(access))
    reply(403, format_error(server_error(
                   403, "this key may not do that: it has not the role '" + std::string(name(access)) + "'")));
  return key_ && key_->may(access);
}

void Connection::answer(const Request& request, Endpoint endpoint) {
  ChatService& service = context_->service;
  const auto state = [this](const std::string& problem, const std::string& unrecorded) {
    const std::string shown = context_->draining ? "shutting down" : problem;
    reply(shown.empty() ? 200 : 503, format_ready(shown, unrecorded));
  };
  switch (endpoint) {
    case Endpoint::chat:
      return start_chat(request);
    case Endpoint::models:
      return reply(200, format_models(service.models()));
    case Endpoint::status:
      return reply(200, service.status_json());
    case Endpoint::version: {
      const auto models = service.models();
      return reply(200, format_version(models.empty() ? "" : models.front().id));
    }
    case Endpoint::metrics:
      content_type_ = "text/plain; version=0.0.4; charset=utf-8";
      return reply(200, service.metrics_text());
    case Endpoint::ready:
      return state(service.ready(), service.unrecorded());
    default:
      return state(service.health(), "");
  }
}

void Connection::start_chat(const Request& request) {
  if (context_->draining) return reply(503, format_error(server_error(503, "the server is shutting down")));
  ParsedChat parsed =
      parse_chat_request(request.body(), request_headers([&](const char* name) { return header(request, name); }));
  if (key_) {
    parsed.request.key = key_->id;
    parsed.request.learning = stricter(parsed.request.learning, key_->learning);
  }
  auto wake = [weak = weak_from_this(), executor = socket_.get_executor()] {
    asio::post(executor, [weak] {
      if (const auto self = weak.lock()) self->pump();
    });
  };
  ReplyTransport& self = *this;
  exchange_ = std::make_unique<ChatExchange>(std::move(parsed), context_->service, context_->settings, self, wake);
  exchange_->begin();
  if (exchange_ && exchange_->streamed()) arm_tick(std::chrono::steady_clock::now() + context_->settings.error_grace);
}

template <class T, class Format>
Answer<T> Connection::later(Format format) {
  arm_deadline(context_->settings.answer_timeout);
  return [weak = weak_from_this(), executor = socket_.get_executor(), format, serial = serial_](Outcome<T> outcome) {
    asio::post(executor, [weak, format, serial, outcome = std::move(outcome)] {
      const auto self = weak.lock();
      if (!self || self->phase_ != Phase::replying || self->serial_ != serial || self->last_queued_) return;
      self->reply(outcome.value ? 200 : outcome.error.status,
                  outcome.value ? format(*outcome.value) : format_error(outcome.error));
    });
  };
}

}  // namespace clawrl
