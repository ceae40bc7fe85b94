// A JSON schema from a client: refused by name, or its mask always leads somewhere.

#include <cstdlib>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "fuzz/fuzz_input.hpp"
#include "grammar/constraint_check.hpp"
#include "grammar/constraint_compiler.hpp"

namespace {

using namespace clawrl;

const Tokenizer& tokenizer() {
  static const Tokenizer loaded =
      Tokenizer::load(std::string(CLAWRL_SOURCE_DIR) + "/configs/models/policy/tokenizer.json");
  return loaded;
}

// Some token of the allowed ones, another one for another byte.
TokenId pick(const IdRuns& runs, std::uint8_t byte) {
  const std::size_t run = byte % (runs.size() / 2) * 2;
  return runs[run] + byte % (runs[run + 1] - runs[run]);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Constraint constraint{Constraint::Kind::json_schema, std::string(reinterpret_cast<const char*>(data), size), ""};
  try {
    check_constraint(constraint);
  } catch (const UserError&) {
    return 0;
  }
  ConstraintCompiler compiler(tokenizer(), tokenizer().vocab_size(), {});
  auto matcher = compiler.match(constraint, {}, {0});
  for (std::size_t i = 0; i < 40 && !matcher.complete(); ++i) {
    const auto allowed = matcher.allowed();
    if (!allowed || allowed->empty()) std::abort();
    const TokenId token = pick(*allowed, data[i % size]);
    if (token == 0) break;
    if (!matcher.accept(token)) std::abort();
  }
  return 0;
}
