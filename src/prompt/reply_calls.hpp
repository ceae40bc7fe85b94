#pragma once
// Tool calls in the text after the thoughts: one reader per format. What is no call, or a broken one, is text.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "prompt/reply_format.hpp"
#include "prompt/reply_json.hpp"
#include "prompt/reply_output.hpp"

namespace clawrl {

/// How many bytes at the end of `text` may be the beginning of `tag`.
std::size_t may_begin(std::string_view text, std::string_view tag);

/// Not thread-safe. Text outside calls is shown until the first call and counted as unshown after it.
class CallReader {
 public:
  /// `eager`: a call begins as soon as its name is known and its arguments go out as they are written, for replies that
  /// a grammar holds to a well-formed call. Otherwise a call goes out when it is certain to be one: complete.
  static std::unique_ptr<CallReader> make(ToolFormat format, ReplyOutput& output, bool eager);
  virtual ~CallReader() = default;

  void push(std::string_view piece);
  /// The reply is over; `cut`: by its length.
  void finish(bool cut);
  std::size_t undecided() const { return raw_.size() + pending_.size(); }

 protected:
  CallReader(ReplyOutput& output, bool eager) : output_(output), eager_(eager) {}

  /// Takes what it can from pending_; false when it needs more.
  virtual bool step() = 0;
  /// The reply ended: true if what is under way (raw_) is a complete call all the same, committed here.
  virtual bool ends_whole() { return false; }
  virtual void begin_text() = 0;  // back to text

  char take();                          // the first byte of pending_, which goes to raw_
  void outside(std::string_view text);  // text outside calls
  void outside_pending(std::size_t bytes);
  JsonScanner::State read_object();  // from pending_ into call_, as far as it goes; `bad`: its byte is still pending
  void commit();                     // call_ is complete
  void give_up(bool shown);          // raw_ was no call: shown also after other calls

  ReplyOutput& output_;
  const bool eager_;
  std::string pending_;             // not looked at yet
  std::string raw_;                 // of the construct under way, its tag included
  std::optional<CallObject> call_;  // under way
  bool begun_ = false;              // its beginning went out already (eager)

 private:
  void stream();
};

std::unique_ptr<CallReader> make_hermes_reader(ReplyOutput& output, bool eager);
std::unique_ptr<CallReader> make_llama_reader(ReplyOutput& output, bool eager);
std::unique_ptr<CallReader> make_mistral_reader(ReplyOutput& output, bool eager);

}  // namespace clawrl
