#pragma once
// Questions to a model folder, one JSON line each, one JSON line back. See docs/models.md.

#include <cstdint>
#include <iosfwd>
#include <memory>
#include <string>

namespace clawrl {

struct ProbeSettings {
  std::string folder;           // a Hugging Face model folder; tokenizer files alone do for what needs no model
  std::string device = "cpu";   // or cuda:N
  std::int32_t context = 4096;  // tokens that one question may have
};

/// Loads what a question needs when it comes. One thread; a KernelRuntime must live for logprobs and generate.
class Probe {
 public:
  explicit Probe(ProbeSettings settings);
  ~Probe();

  /// One line for one line, without newlines; the line's "id" and "name" come back. What is wrong with it or the folder
  /// is the line's "error", with the line's number if that is not 0.
  std::string answer(const std::string& line, std::int64_t number = 0);

  /// Answers that were errors.
  std::int64_t failures() const { return failures_; }

 private:
  struct State;
  std::unique_ptr<State> state_;
  std::int64_t failures_ = 0;
};

/// Answers line by line (empty lines are left out, errors say their line's number). Returns how many failed. Throws
/// UserError when `out` cannot be written.
std::int64_t run_probe(Probe& probe, std::istream& in, std::ostream& out);

}  // namespace clawrl
