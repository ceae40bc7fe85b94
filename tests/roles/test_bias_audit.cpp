// How each group of users fared, from a journal.

#include <iterator>
#include <sstream>

#include "journal/journal.hpp"
#include "roles/bias_audit.hpp"
#include "roles/desk_support.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using namespace clawrl::test;

namespace {

void judged(Journal& journal, const std::string& user, const std::string& text, int score, double at_s,
            std::size_t tokens = 10, bool trained = false) {
  Turn turn;
  turn.id = journal.next_turn_id();
  turn.user = user;
  turn.session = "s" + std::to_string(turn.id.value);
  turn.messages = {{"user", text, "", {}, ""}};
  turn.completion.ids.assign(tokens, 1);
  turn.created_s = at_s;
  turn.state = TurnState::answered;
  journal.save_turn(turn);
  Verdict verdict;
  verdict.turn = turn.id;
  verdict.votes = {static_cast<std::int8_t>(score)};
  verdict.score = static_cast<std::int8_t>(score);
  journal.save_verdict(verdict);
  if (trained) journal.set_turn_state(turn.id, TurnState::trained);
}

/// Of the first line whose words begin with these two.
std::vector<std::string> words_of_line(const std::string& text, const std::string& begin) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream in(line);
    const std::vector<std::string> words{std::istream_iterator<std::string>(in), {}};
    if (words.size() > 2 && words[0] + " " + words[1] == begin) return words;
  }
  return {};
}

}  // namespace

TEST_CASE("groups by user and request type, halves by time, and who fares worse") {
  Folder folder;
  Journal journal(folder.file("journal.sqlite"));
  for (int i = 0; i < 20; ++i) {
    judged(journal, "mia", "How many apples are 3 plus 4?", i < 10 ? 1 : -1, 100 - i, 10, i < 9);  // gets better
    judged(journal, "tom", "How many apples are 3 plus 4?", i < 10 ? 1 : -1, 100 + i, i < 10 ? 10 : 30, i < 3);
    judged(journal, "", "Hello there, my friend.", 0, 100 + i);
  }
  judged(journal, "tom", "Hello there, my friend.", -1, 300);
  const auto rows = bias_audit(journal);
  REQUIRE(rows.size() == 4);
  CHECK(rows[0].user == "-");
  CHECK(rows[0].turns == 20);
  CHECK(rows[1].user == "mia");
  CHECK(rows[1].change() == Approx(2));
  CHECK(rows[1].praises == 10);
  CHECK(rows[1].complaints == 10);
  CHECK(rows[0].trained == 0);
  CHECK(rows[1].trained == 9);
  const auto losers = worse_off(rows, 0.1);
  REQUIRE(losers.size() == 1);  // tom's single turn of another type says nothing
  CHECK(losers[0].user == "tom");
  CHECK(losers[0].change() == Approx(-2));
  CHECK(losers[0].early_tokens == Approx(10));
  CHECK(losers[0].late_tokens == Approx(30));
  CHECK(worse_off(rows, 2.5).empty());
  const std::string text = to_text(rows, 0.1);
  CHECK(text.find("for 1 of 4 groups: tom (" + losers[0].type + ")") != std::string::npos);
  CHECK(words_of_line(text, "tom " + losers[0].type) == std::vector<std::string>{"tom", losers[0].type, "20", "10",
                                                                                 "10", "0.25", "1.00", "->", "-1.00",
                                                                                 "10", "->", "30"});
  CHECK(words_of_line(text, "mia " + rows[1].type)[6] == "-1.00");
}

TEST_CASE("a journal without a judged turn") {
  Folder folder;
  Journal journal(folder.file("journal.sqlite"));
  CHECK(bias_audit(journal).empty());
  CHECK(to_text({}, 0.1).find("for 0 of 0 groups") != std::string::npos);
}
