#include "probe/template_probe.hpp"

#include <chrono>

#include "prompt/chat_template_file.hpp"

namespace clawrl {

TemplateProbe::TemplateProbe(const std::string& folder) : template_(ChatTemplate::load(folder)) {
  const ChatTemplateFiles files = read_chat_template(folder, "");
  source_ = files.plain + files.with_tools.value_or("");
}

RenderAnswer TemplateProbe::render(const Tokenizer* tokenizer, const RenderCase& question) const {
  TemplateOptions options;
  options.add_generation_prompt = question.add_generation_prompt;
  options.continue_final_message = question.continue_final_message;
  options.arguments = question.arguments;
  options.now_s = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  RenderAnswer answer;
  answer.text = template_.render_text(question.messages, question.tools, options);
  if (tokenizer) answer.ids = template_.render_ids(*tokenizer, question.messages, question.tools, options);
  return answer;
}

}  // namespace clawrl
