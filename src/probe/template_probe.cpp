#include "probe/template_probe.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>

#include "core/error.hpp"
#include "prompt/tokenizer_field.hpp"

namespace clawrl {
namespace {

std::string read_template(const std::string& folder) {
  const std::string own = folder + "/chat_template.jinja", config = folder + "/tokenizer_config.json";
  if (std::filesystem::exists(own)) {
    std::ifstream in(own, std::ios::binary);
    require(in.good(), own + ": cannot be read");
    return {std::istreambuf_iterator<char>(in), {}};
  }
  require(std::filesystem::exists(config), folder + ": has neither chat_template.jinja nor tokenizer_config.json");
  const JsonFile file(config);
  require(file.root().has("chat_template"), config + ": has no chat_template");
  const JsonField field = file.root().at("chat_template");
  if (field.is_text()) return field.text();
  for (const JsonField& one : field.items())
    if (one.at("name").text() == "default") return one.at("template").text();
  field.refuse("has no template named default");
}

}  // namespace

TemplateProbe::TemplateProbe(const std::string& folder) : source_(read_template(folder)) {}

RenderAnswer TemplateProbe::render(const Tokenizer&, const RenderCase&) const { throw UserError("render"); }

}  // namespace clawrl
