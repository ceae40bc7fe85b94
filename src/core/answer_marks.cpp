#include "core/answer_marks.hpp"

#include <algorithm>
#include <string>

namespace clawrl {

std::size_t find_vote(std::string_view text, std::size_t from) {
  static constexpr std::string_view box = "\\boxed{";
  for (auto at = text.find(box, from); at != std::string_view::npos; at = text.find(box, at + 1)) {
    const auto end = text.find('}', at);
    if (end == std::string_view::npos) break;
    std::string inside(text.substr(at + box.size(), end - at - box.size()));
    std::erase_if(inside, [](char c) { return std::string_view(" \n\t\r\f\v+-").find(c) != std::string_view::npos; });
    if (inside == "0" || inside == "1") return at;
  }
  return std::string_view::npos;
}

bool poses_as_judge(std::string_view text) {
  static constexpr std::string_view template_marks[] = {"<|im_start|>", "<|im_end|>",      "<|start_header_id|>",
                                                        "<|eot_id|>",   "<start_of_turn>", "[/INST]"};
  const auto holds = [&](std::string_view mark) { return text.find(mark) != std::string_view::npos; };
  return find_vote(text) != std::string_view::npos ||
         std::any_of(std::begin(answer_marks), std::end(answer_marks), holds) ||
         std::any_of(std::begin(template_marks), std::end(template_marks), holds);
}

}  // namespace clawrl
