// The line between training and held-out text, and the random source that draws both.

#include <algorithm>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "demo/corpus.hpp"
#include "support/catch.hpp"

using namespace clawrl::demo;

namespace {

constexpr int draws = 4000;

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

/// Sentences of all texts that `make` draws from a split.
template <class Make>
std::set<std::string> sentences(Split split, Make make) {
  std::set<std::string> all;
  Random random(split == Split::train ? 1 : 2);
  for (int i = 0; i < draws; ++i) {
    std::string text = make(random, split);
    for (std::size_t end; (end = text.find(". ")) != std::string::npos; text.erase(0, end + 2))
      all.insert(text.substr(0, end + 1));
    all.insert(text);
  }
  return all;
}

template <class Make>
int shared_sentences(Make make) {
  const auto train = sentences(Split::train, make), held_out = sentences(Split::held_out, make);
  std::vector<std::string> both;
  std::set_intersection(train.begin(), train.end(), held_out.begin(), held_out.end(), std::back_inserter(both));
  CHECK(train.size() > 10);
  CHECK(held_out.size() > 5);
  return static_cast<int>(both.size());
}

}  // namespace

TEST_CASE("problems of a split use its combinations only") {
  for (const Split split : {Split::train, Split::held_out}) {
    const bool held_out = split == Split::held_out;
    Random random(3);
    int wrong = 0, sums = 0;
    for (int i = 0; i < draws; ++i) {
      const Problem p = make_problem(random, split);
      const auto words = words_of(p.text);  // "Mia Stone has 5 red apples and ..."
      const std::string adjective = p.object.substr(0, p.object.find(' '));
      wrong += words[0] != p.first_name || is_held_out("name", words[0], words[1]) != held_out;
      wrong += words[3] != std::to_string(p.start) || words[4] != adjective || words[5] != p.noun;
      wrong += is_held_out("object", adjective, p.noun) != held_out;
      wrong += p.answer != (p.adds ? p.start + p.change : p.start - p.change) || p.answer < 2 || p.answer > 18;
      sums += p.adds;
    }
    CHECK(wrong == 0);
    CHECK(sums > draws * 45 / 100);
    CHECK(sums < draws * 55 / 100);
  }
}

TEST_CASE("tasks about a pupil's answer name another person of the split, and half of the answers are right") {
  for (const Split split : {Split::train, Split::held_out})
    for (const TaskKind kind : {TaskKind::grading, TaskKind::comment}) {
      Random random(4);
      int wrong = 0, right_answers = 0;
      for (int i = 0; i < draws; ++i) {
        const Task task = make_task(random, split, kind);
        wrong += task.pupil == task.problem.first_name || !task.text.starts_with(task.problem.text);
        const auto words = words_of(task.text.substr(task.problem.text.size()));
        // "Ben Berg answered 8. Grade this work." or "Write a note to Ben Berg, who answered 8."
        const auto at = std::find(words.begin(), words.end(), task.pupil);
        REQUIRE(at + 1 < words.end());
        const std::string last = (at + 1)->substr(0, (at + 1)->find(','));
        wrong += is_held_out("name", task.pupil, last) != (split == Split::held_out);
        wrong += std::count(words.begin(), words.end(), std::to_string(task.claimed) + ".") != 1;
        wrong += task.claimed < 2 || task.claimed > 18 || std::abs(task.claimed - task.problem.answer) > 2;
        right_answers += task.claimed == task.problem.answer;
      }
      CHECK(wrong == 0);
      CHECK(right_answers > draws * 45 / 100);
      CHECK(right_answers < draws * 55 / 100);
    }
}

TEST_CASE("no sentence of the users' words is drawn in both splits") {
  for (int i = 0; i < wish_count; ++i) {
    const Wish wish = static_cast<Wish>(i);
    INFO("complaint about " << name(wish));
    CHECK(shared_sentences([&](Random& r, Split s) { return complaint(r, s, {wish}); }) == 0);
  }
  CHECK(shared_sentences([](Random& r, Split s) { return confusion(r, s); }) == 0);
  CHECK(shared_sentences([](Random& r, Split s) { return praise(r, s); }) == 0);
  CHECK(shared_sentences([](Random& r, Split s) { return praise(r, s, {Wish::no_bold}); }) == 0);
  CHECK(shared_sentences([](Random& r, Split s) { return praise(r, s, {Wish::warmer}); }) == 0);
  CHECK(shared_sentences([](Random& r, Split s) { return neutral(r, s); }) == 0);
  for (const TaskKind kind : {TaskKind::grading, TaskKind::comment})
    CHECK(shared_sentences([&](Random& r, Split s) { return make_task(r, s, kind).text; }) == 0);
  CHECK(shared_sentences([](Random& r, Split s) { return make_problem(r, s).text; }) == 0);
}

TEST_CASE("about three of ten combinations are held out, at every level on its own") {
  int held_out = 0, differs = 0, pairs = 0;
  for (int a = 0; a < 60; ++a)
    for (int b = 0; b < 60; ++b, ++pairs) {
      const std::string first = "first" + std::to_string(a), second = "second" + std::to_string(b);
      held_out += is_held_out("name", first, second);
      differs += is_held_out("name", first, second) != is_held_out("object", first, second);
    }
  CHECK(held_out > pairs * 27 / 100);
  CHECK(held_out < pairs * 33 / 100);
  CHECK(differs > pairs * 35 / 100);  // 2 * 0.3 * 0.7 when levels are independent
}

TEST_CASE("streams of neighbouring seeds do not overlap") {
  std::vector<std::uint64_t> all;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Random random(seed);
    for (int i = 0; i < 2000; ++i) all.push_back(random.next());
  }
  std::sort(all.begin(), all.end());
  CHECK(std::adjacent_find(all.begin(), all.end()) == all.end());
}

TEST_CASE("the same seed draws the same, and draws stay in their bounds") {
  Random one(5), two(5), other(6);
  CHECK(make_problem(one, Split::train).text == make_problem(two, Split::train).text);
  CHECK(one.next() != other.next());
  double sum = 0;
  int outside = 0;
  for (int i = 0; i < draws; ++i) {
    const int n = one.between(2, 9);
    const double u = one.uniform();
    outside += n < 2 || n > 9 || u < 0 || u >= 1;
    sum += u;
  }
  CHECK(outside == 0);
  CHECK(sum / draws == Approx(0.5).margin(0.02));
}

TEST_CASE("the judge is asked about its own replies in the share that is wanted") {
  const auto asked_as_author = [](double share) {
    Corpus corpus(Split::train, 4);
    int own = 0;
    for (int i = 0; i < draws; ++i)
      own += corpus.judge_document(share).messages[0].text.find("that you gave") != std::string::npos;
    return own;
  };
  CHECK(asked_as_author(0) == 0);
  CHECK(asked_as_author(1) == draws);
  CHECK(asked_as_author(0.8) == Approx(0.8 * draws).epsilon(0.1));
}

TEST_CASE("the corpus draws from its split, and its answers are right") {
  for (const Split split : {Split::train, Split::held_out}) {
    Corpus corpus(split, 9);
    int wrong = 0, votes[3] = {0, 0, 0};
    for (int i = 0; i < draws; ++i) {
      const JudgeCase c = corpus.judge_case();
      ++votes[c.verdict + 1];
      wrong += c.verdict >= 0 && !c.wishes.empty();
      wrong += c.wishes.size() > 2;
      const std::string answer = hint_answer(c.wishes);
      if (c.wishes.empty()) {
        wrong += answer != "\\boxed{0}";
      } else {
        const std::string open = "[HINT_START]", close = "[HINT_END]";
        const auto read = read_hint(answer.substr(open.size(), answer.size() - open.size() - close.size()));
        wrong += !read || *read != c.wishes;
      }
      const Document d = corpus.policy_document();
      const auto words = words_of(d.messages[d.messages[0].role == "system" ? 1 : 0].text);
      wrong += is_held_out("name", words[0], words[1]) != (split == Split::held_out);
      wrong += d.messages.back().role != "assistant";
    }
    CHECK(wrong == 0);
    for (int count : votes) CHECK(count > draws / 10);
  }
}
