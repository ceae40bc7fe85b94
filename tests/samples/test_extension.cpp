// A method added from outside src/ by one file: token advantages that fade with the position.

#include "config/parse.hpp"
#include "judged_turn.hpp"
#include "samples/sample_builder.hpp"
#include "support/catch.hpp"

using namespace clawrl;

static const RegisterAdvantage registered("fading_binary", [](const AdvantageInput& input) {
  Advantages result = advantage_binary(input);
  for (std::size_t t = 0; t < result.tokens.size(); ++t) result.tokens[t] /= static_cast<float>(t + 1);
  return result;
});

TEST_CASE("one file and one line of configuration add a method") {
  const JobDescription job{"online_rl", "", {"samples"}, advantage_names()};
  RunConfig config;
  std::string help;
  const char* arguments[] = {"online_rl", "--method=fading_binary"};
  REQUIRE(parse(2, arguments, job, config, help));
  const auto built = SampleBuilder(config.samples).build(test::answered_turn(), test::hinted_verdict(), 4);
  CHECK(built.sample->advantages == std::vector<float>{0, 0, 0, -1, -0.5F});
}

TEST_CASE("a name is taken once") {
  CHECK_THROWS_AS(RegisterAdvantage("binary", advantage_binary), std::logic_error);
}
