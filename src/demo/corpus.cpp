#include "demo/corpus.hpp"

#include <algorithm>

#include "core/error.hpp"

namespace clawrl::demo {
namespace {

constexpr double vote_share = 0.6;                       // of the judge's documents; the others ask for a hint
constexpr double grade_share = 0.3, fault_share = 0.75;  // of the votes: asked how grave, and where
constexpr double redrawn = 0.75;  // of the cases asked where that have no place: few have, and a quote is hard to learn
constexpr double whole_share = 0.15;  // documents whose every token is trained: copying is learned from prompts too

Message message(const char* role, std::string text) {
  Message m;
  m.role = role;
  m.text = std::move(text);
  return m;
}

/// Wishes that the style lacks, in random order.
std::vector<Wish> complaints_about(Random& random, const Observed& seen) {
  std::vector<Wish> lacking;
  for (int i = 0; i < wish_count; ++i)
    if (!obeys(seen, static_cast<Wish>(i))) lacking.push_back(static_cast<Wish>(i));
  for (std::size_t i = lacking.size(); i > 1; --i)
    std::swap(lacking[i - 1], lacking[static_cast<std::size_t>(random.below(static_cast<int>(i)))]);
  std::vector<Wish> chosen{lacking.front()};
  if (random.chance(0.45))
    for (Wish w : lacking)
      if (chosen.size() == 1 && compatible(w, chosen.front())) chosen.push_back(w);
  lacking = chosen;
  std::sort(lacking.begin(), lacking.end());
  return lacking;
}

}  // namespace

std::vector<Wish> Corpus::wishes() {
  std::vector<Wish> chosen{static_cast<Wish>(random_.below(wish_count))};
  const int more = random_.chance(0.5) ? 0 : random_.chance(0.7) ? 1 : 2;
  while (static_cast<int>(chosen.size()) <= more) {
    const Wish wish = static_cast<Wish>(random_.below(wish_count));
    if (std::all_of(chosen.begin(), chosen.end(), [&](Wish w) { return compatible(w, wish); })) chosen.push_back(wish);
  }
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

Document Corpus::answered(bool hinted) {
  const Task t = task();
  const std::vector<Wish> wanted = hinted ? wishes() : std::vector<Wish>{};
  Document d;
  if (random_.chance(0.2)) d.messages.push_back(message("system", "You are a helpful assistant."));
  d.messages.push_back(message("user", t.text));
  if (hinted) d.messages = with_hint(d.messages, joined_hints(wanted));
  d.messages.push_back(message("assistant", render_reply(random_, t, style_obeying(random_, wanted))));
  return d;
}

Document Corpus::revision(bool hinted) {
  const Task t = task();
  const std::string first = render_reply(random_, t, stiff_style(random_));
  const std::vector<Wish> wanted = complaints_about(random_, observe(first));
  Document d;
  d.messages = {message("user", t.text), message("assistant", first),
                message("user", complaint(random_, split_, wanted))};
  if (hinted) d.messages = with_hint(d.messages, joined_hints(wanted));
  d.messages.push_back(message("assistant", render_reply(random_, t, style_obeying(random_, wanted))));
  return d;
}

Document Corpus::thanks() {
  Document d = answered(false);
  d.messages.push_back(message("user", praise(random_, split_)));
  d.messages.push_back(message("assistant", random_.chance(0.5) ? "You are welcome." : "I am glad it helps."));
  return d;
}

Document Corpus::policy_document() {
  const double u = random_.uniform();
  Document d = u < 0.30   ? answered(false)
               : u < 0.75 ? answered(true)
               : u < 0.88 ? revision(false)
               : u < 0.96 ? revision(true)
                          : thanks();
  d.whole = random_.chance(whole_share);
  return d;
}

JudgeCase Corpus::judge_case(TaskKind kind) {
  const Task t = make_task(random_, split_, kind);
  JudgeCase c;
  c.turn.task = t.text;
  c.turn.next_role = "user";
  // what the policy writes before and after it has learned something
  c.turn.reply =
      render_reply(random_, t, random_.chance(0.5) ? stiff_style(random_) : style_obeying(random_, wishes()));
  const Observed seen = observe(c.turn.reply);
  if (random_.chance(0.25)) c.turn.task = complaint(random_, split_, wishes());  // a second reply is judged
  const double u = random_.uniform();
  if (u < 0.06) {
    c.verdict = -1;
    c.turn.next_state = confusion(random_, split_);
  } else if (u < 0.62) {
    c.verdict = -1;
    // users complain about what is there, or it seems not so: the wish is in their words and not to be guessed from
    // the reply
    c.wishes = random_.chance(0.5) ? complaints_about(random_, seen) : wishes();
    if (c.wishes.size() > 2) c.wishes.resize(2);
    c.turn.next_state = complaint(random_, split_, c.wishes);
  } else if (u < 0.83) {
    c.verdict = 1;
    c.turn.next_state = praise(random_, split_, random_.chance(0.3) ? wishes() : std::vector<Wish>{});
  } else {
    c.turn.next_state = neutral(random_, split_);
  }
  return c;
}

Document Corpus::judge_document(double self_share) {
  JudgeCase c = judge_case();
  const bool vote = random_.chance(vote_share);
  const JudgePromptStyle style{.self = random_.chance(self_share),
                               .severity = vote && random_.chance(grade_share),
                               .fault = vote && random_.chance(fault_share)};
  while (style.fault && quoted_fault(c).empty() && random_.chance(redrawn)) c = judge_case();
  Document d;
  d.messages = vote ? vote_prompt(c.turn, {}, style) : hint_prompt(c.turn, {}, style);
  d.messages.push_back(message("assistant", vote ? vote_answer(c, style) : hint_answer(c.wishes)));
  d.whole = random_.chance(whole_share);
  return d;
}

TrainingSample supervised_sample(const Document& document, const Tokenizer& tokenizer,
                                 const ChatTemplate& chat_template) {
  const auto end = tokenizer.id_of("<|im_end|>");
  require(end.has_value(), "the tokenizer has no <|im_end|> token");
  TrainingSample sample;
  sample.origin = "sft";
  for (std::size_t i = 0; i < document.messages.size(); ++i) {
    if (document.messages[i].role != "assistant") continue;
    const std::vector<Message> before(document.messages.begin(), document.messages.begin() + static_cast<long>(i));
    sample.ids = chat_template.render_ids(tokenizer, before, "");
    sample.loss_mask.resize(sample.ids.size(), document.whole);
    for (TokenId id : tokenizer.encode(document.messages[i].text, SpecialText::as_text)) sample.ids.push_back(id);
    sample.ids.push_back(*end);
    sample.loss_mask.resize(sample.ids.size(), 1);
  }
  sample.loss_mask.front() = 0;
  sample.sampler_logprobs.assign(sample.ids.size(), 0.0F);
  sample.advantages.assign(sample.ids.size(), 1.0F);
  return sample;
}

}  // namespace clawrl::demo
