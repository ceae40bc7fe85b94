#include "demo/user_driver.hpp"

#include <atomic>
#include <chrono>
#include <cmath>
#include <mutex>
#include <thread>

#include <nlohmann/json.hpp>

#include "demo/judge_case.hpp"
#include "frontend/openai_client.hpp"

namespace clawrl::demo {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t session_stride = 1'000'003, task_stride = 2'000'003;

double since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

const Persona& one_of(const std::vector<const Persona*>& personas, int number) {
  return *personas[static_cast<std::size_t>(number) % personas.size()];
}

/// What is sent: the conversation, with what the memory holds of similar tasks in its first message.
std::vector<Message> with_memory(const UserSettings& settings, std::vector<Message> messages,
                                 const std::vector<std::string>& complaints) {
  if (settings.memory > 0 && !complaints.empty()) {
    messages.front().text += "\n\n[user's hint / instruction]";
    for (const std::string& complaint : complaints) messages.front().text += "\n" + complaint;
  }
  return messages;
}

void think(Random& random, double mean_s) {
  if (mean_s <= 0) return;
  const double pause = std::min(4 * mean_s, -mean_s * std::log(1 - random.uniform()));
  std::this_thread::sleep_for(std::chrono::duration<double>(pause));
}

ReplyRecord record_of(const ChatReply& reply, int session, int turn) {
  ReplyRecord record;
  record.session = session;
  record.turn = turn;
  record.served = reply.ok();
  record.cut = reply.cut;
  record.status = reply.status;
  if (!reply.ok()) record.error = reply.error.message;
  record.first_token_s = reply.first_token_s;
  record.total_s = reply.total_s;
  record.gaps_s = reply.token_gaps_s;
  record.text = reply.text;
  return record;
}

/// Runs `one(client, index)` for every index on `users` threads, each with a connection of its own.
void in_parallel(const UserSettings& settings, int count, const std::function<void(OpenAiClient&, int)>& one) {
  std::atomic<int> next = 0;
  std::vector<std::thread> threads;
  for (int user = 0; user < std::min(settings.users, count); ++user)
    threads.emplace_back([&] {
      OpenAiClient client(settings.server, std::chrono::seconds(120));
      for (int i; (i = next++) < count;) one(client, i);
    });
  for (std::thread& thread : threads) thread.join();
}

/// The truth about the reply, given on purpose: a diagnostic, since real users do not speak in hints. A refusal counts
/// as a request that was not served.
void tell_truth(OpenAiClient& client, const std::string& session, const std::string& reply, const Feedback& truth,
                ReplyRecord& record) {
  nlohmann::json said = {{"session_id", session}, {"turn", record.turn}, {"thumbs", truth.verdict > 0 ? "up" : "down"}};
  if (truth.verdict < 0) said["severity"] = severity_of(truth.verdict, truth.wishes);
  if (!truth.wishes.empty()) {
    said["hint"] = joined_hints(truth.wishes);
    if (const auto fault = from_first_fault(reply, truth.wishes); !fault.empty()) said["fault"] = fault;
  }
  const HttpReply answer = client.post("/v1/feedback", said.dump());
  if (answer.status == 200) return;
  record.served = false;
  record.status = answer.status;
  record.error = "feedback: " + answer.body;
}

void hold_session(const UserSettings& settings, OpenAiClient& client, int number,
                  const std::function<void(ReplyRecord)>& keep) {
  const std::uint64_t seed = settings.seed * session_stride + static_cast<std::uint64_t>(number);
  Random pauses(seed + 17);
  const Persona& persona = one_of(settings.personas, number);
  UserSession session(persona, seed, settings.split, settings.habits);
  ChatOptions options;
  options.model = settings.model;
  options.session = persona.name + "-" + std::to_string(settings.seed) + "-" + std::to_string(number);
  options.fields = "{\"user\":\"" + (session.hostile() ? "hostile" : persona.name) + "\"}";
  options.turn_type = TurnType::main;
  options.max_tokens = settings.max_tokens;
  const auto remembered = settings.complaints->similar(session.task().text, settings.memory);
  bool more = true;
  for (int turn = 0; more; ++turn) {
    think(pauses, settings.think_s);
    options.session_done = session.last();
    const ChatReply reply = client.chat(with_memory(settings, session.messages(), remembered), options);
    ReplyRecord record = record_of(reply, number, turn);
    record.persona = persona.name;
    record.task = session.task().text;
    const std::size_t graded = session.grades().size(), said = session.feedback().size();
    more = reply.ok() && session.take_reply(reply.text);
    const bool spoke = session.feedback().size() > said;
    if (spoke && session.feedback().back().verdict < 0)
      settings.complaints->add(session.task().text, session.feedback().back().text);
    if (spoke && settings.oracle) tell_truth(client, options.session, reply.text, session.feedback().back(), record);
    if ((record.graded = session.grades().size() > graded)) record.grade = session.grades().back();
    keep(std::move(record));
  }
}

}  // namespace

std::vector<ReplyRecord> hold_sessions(const UserSettings& settings, int first, int count, const RecordSink& sink,
                                       const std::function<bool()>& goes_on) {
  const auto begin = Clock::now();
  std::mutex mutex;
  std::vector<ReplyRecord> records;
  const auto keep = [&](ReplyRecord record) {
    record.at_s = since(begin);
    const std::lock_guard lock(mutex);
    records.push_back(record);
    sink(record);
  };
  const int round = settings.after_round ? static_cast<int>(settings.personas.size()) : count;
  for (int held = 0; held < count && goes_on(); held += round) {
    in_parallel(settings, std::min(round, count - held), [&](OpenAiClient& client, int index) {
      if (goes_on()) hold_session(settings, client, first + held + index, keep);
    });
    if (settings.after_round) settings.after_round();
  }
  return records;
}

std::vector<ReplyRecord> ask_tasks(const UserSettings& settings, const std::vector<const Persona*>& asked, int count) {
  const int all = count * static_cast<int>(asked.size());
  std::vector<ReplyRecord> records(static_cast<std::size_t>(all));
  in_parallel(settings, all, [&](OpenAiClient& client, int index) {
    const Persona& persona = one_of(asked, index);
    const std::uint64_t seed = settings.seed * task_stride + static_cast<std::uint64_t>(index);
    Random random(seed);
    const Task task = make_task(random, settings.split, persona);
    ChatOptions options;
    options.model = settings.model;
    options.turn_type = TurnType::side;
    options.fields = "{\"user\":\"" + persona.name + "\"}";
    options.max_tokens = settings.max_tokens;
    options.seed = seed;
    Message message;
    message.role = "user";
    message.text = task.text;
    const ChatReply reply = client.chat(
        with_memory(settings, {message}, settings.complaints->similar(task.text, settings.memory)), options);
    ReplyRecord& record = records[static_cast<std::size_t>(index)] = record_of(reply, index, 0);
    record.persona = persona.name;
    record.task = task.text;
    if ((record.graded = reply.ok())) record.grade = grade(persona, reply.text, task);
  });
  return records;
}

}  // namespace clawrl::demo
