#pragma once
// Guards of the interpreter's own state.

#include "prompt/jinja/interpreter.hpp"

namespace clawrl::jinja {

class Interpreter::Depth {
 public:
  explicit Depth(Interpreter& of) : of_(of) {
    const int limit = of.budget_.limits().evaluation_depth;
    if (++of_.depth_ <= limit) return;
    --of_.depth_;
    throw Problem("limit evaluation_depth = " + std::to_string(limit) + " exceeded");
  }
  ~Depth() { --of_.depth_; }
  Depth(const Depth&) = delete;
  Depth& operator=(const Depth&) = delete;

 private:
  Interpreter& of_;
};

/// A frame for the time of a block.
class Interpreter::Scope {
 public:
  Scope(Interpreter& of, std::size_t parent) : of_(of), back_(of.current_) { of.push_frame(parent); }
  explicit Scope(Interpreter& of) : Scope(of, of.current_) {}
  ~Scope() {
    of_.frames_.pop_back();
    of_.current_ = back_;
  }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

 private:
  Interpreter& of_;
  std::size_t back_;
};

}  // namespace clawrl::jinja
