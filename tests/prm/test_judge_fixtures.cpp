// Judge parsing against the reference vectors (parsers/judge.json).

#include <fstream>
#include <nlohmann/json.hpp>

#include "prm/hint_parser.hpp"
#include "prm/vote_parser.hpp"
#include "support/catch.hpp"
#include "support/fixtures.hpp"

using namespace clawrl;
using Json = nlohmann::json;

namespace {

Json cases(const std::string& kind) {
  std::ifstream stream(test::fixture("parsers/judge.json"));
  return Json::parse(stream).at(kind);
}

Vote vote_of(const Json& value) {
  return value.is_null() ? Vote{} : Vote{static_cast<std::int8_t>(value.get<int>())};
}

}  // namespace

TEST_CASE("majority votes") {
  const auto all = cases("majority_vote");
  for (const auto& one : all) {
    std::vector<Vote> votes;
    for (const auto& vote : one.at("votes")) votes.push_back(vote_of(vote));
    INFO(one.dump());
    CHECK(majority(votes) == one.at("expected").get<int>());
  }
  test::compared("majority_vote", all.size());
}

TEST_CASE("boxed votes") {
  const auto all = cases("boxed");
  for (const auto& one : all) {
    INFO(one.dump());
    CHECK(parse_vote(one.at("text")) == vote_of(one.at("expected")));
  }
  test::compared("boxed", all.size());
}

TEST_CASE("hints") {
  const auto all = cases("hint");
  for (const auto& one : all) {
    INFO(one.dump());
    const auto hint = parse_hint(one.at("text"));
    CHECK((hint ? Json(*hint) : Json()) == one.at("expected"));
  }
  test::compared("hint", all.size());
}
