#include <string>
#include <vector>

#include "roles/stop_text.hpp"
#include "support/catch.hpp"

using clawrl::StopText;

namespace {

struct Outcome {
  std::string text;
  bool found;
  bool operator==(const Outcome&) const = default;
};

Outcome run(const std::vector<std::string>& stops, const std::vector<std::string>& pieces) {
  StopText stop(stops);
  std::string out;
  for (const std::string& piece : pieces) out += stop.push(piece);
  out += stop.flush();
  return {out, stop.found()};
}

std::vector<std::string> one_by_one(const std::string& text) {
  std::vector<std::string> pieces;
  for (char c : text) pieces.emplace_back(1, c);
  return pieces;
}

}  // namespace

TEST_CASE("the text before the stop comes out whole, wherever the stream is cut") {
  const std::vector<std::vector<std::string>> lists = {
      {"\nUser:"}, {"abab"}, {"aab", "b."}, {"abcd", "bc"}, {"xyz", "yz!", "z"}, {"aa"}, {}};
  const std::vector<std::string> texts = {"Hello.\nUser: more",
                                          "abaabab tail",
                                          "aaaab and b.",
                                          "zabcd end",
                                          "xyxyz! end",
                                          "no stop here",
                                          "\nUse\nUser:",
                                          "a",
                                          ""};
  for (const auto& stops : lists)
    for (const std::string& text : texts) {
      const Outcome whole = run(stops, {text});
      INFO(text);
      CHECK(run(stops, one_by_one(text)) == whole);
      for (std::size_t i = 0; i <= text.size(); ++i)
        for (std::size_t j = i; j <= text.size(); ++j)
          CHECK(run(stops, {text.substr(0, i), text.substr(i, j - i), text.substr(j)}) == whole);
    }
}

TEST_CASE("what is returned never holds a stop string") {
  CHECK(run({"\nUser:"}, {"Hello.\nUser: more"}) == Outcome{"Hello.", true});
  CHECK(run({"aa"}, {"baaa"}) == Outcome{"b", true});
  CHECK(run({"abcd", "bc"}, {"zabcd"}) == Outcome{"za", true});  // bc is complete first
  CHECK(run({"bc", "abc"}, {"zabcd"}) == Outcome{"z", true});    // both at once: the longer one
  CHECK(run({"stop"}, {"st", "o", "red"}) == Outcome{"stored", false});
  CHECK(run({"stop"}, {"sto"}) == Outcome{"sto", false});  // the stream ends inside what could have become one
}

TEST_CASE("only what may become a stop is held back") {
  StopText stop({"END"});
  CHECK(stop.push("abc") == "abc");
  CHECK(stop.push("xE") == "x");
  CHECK(stop.push("N") == "");
  CHECK(stop.push("E") == "EN");
  CHECK(stop.push("ND") == "");
  CHECK(stop.found());
  CHECK(stop.push("later") == "");
  CHECK(stop.flush() == "");
}
