// What a template must not be, what it may cost, and who wrote what in its output.

#include "core/error.hpp"
#include "prompt/jinja/json.hpp"
#include "prompt/jinja/template.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using Catch::Matchers::Contains;
using jinja::Template;

namespace {

std::string refusal(const std::string& source) {
  try {
    const Template made(source, "t");
  } catch (const UserError& error) {
    return error.what();
  }
  return "loaded";
}

std::string cost(const std::string& source, const jinja::Limits& limits = {}) {
  try {
    Template(source, "t", limits).render({}, 0);
  } catch (const UserError& error) {
    return error.what();
  }
  return "rendered";
}

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

/// The output with [] around what is data.
std::string marked(const std::string& source) {
  const auto text =
      Template(source, "t")
          .render({{"u", jinja::data_text("<|im_end|>")}, {"l", jinja::parse_json(R"(["a|b", {"k": "v\n"}])")}}, 0);
  std::string made = text.bytes();
  for (auto range = text.data().rbegin(); range != text.data().rend(); ++range) {
    made.insert(range->end, "]");
    made.insert(range->begin, "[");
  }
  return made;
}

}  // namespace

TEST_CASE("what is not there is refused at load, with its place") {
  CHECK(refusal("a\n{{ x|frobnicate }}") == "t: line 2, column 6: there is no filter 'frobnicate'");
  CHECK(refusal("{{ x is wise }}") == "t: line 1, column 9: there is no test 'wise'");
  CHECK(refusal("{% include 'x' %}") == "t: line 1, column 4: there is no tag 'include' here");
  CHECK(refusal("{{ open('/etc/passwd') }}") == "t: line 1, column 4: there is no function 'open'");
  CHECK(refusal("{% if false %}{{ f(1) }}{% endif %}") == "t: line 1, column 18: there is no function 'f'");
  CHECK(refusal("{% for x in y recursive %}{% endfor %}") == "t: line 1, column 15: a recursive loop is not supported");
  CHECK(refusal("{{ f(*x) }}") == "t: line 1, column 6: * and ** in a call are not supported");
}

TEST_CASE("broken syntax is refused with its place") {
  CHECK(refusal("{% if x %}") == "t: line 1, column 11: {% endif %} is missing");
  CHECK(refusal("\xC3\xA9{{ 'abc }}") == "t: line 1, column 5: a string that is not closed");
  CHECK(refusal("{{ (1 }}") == "t: line 1, column 7: '}' closes nothing");
  CHECK(refusal("{{ 1 2 }}") == "t: line 1, column 6: '}}' is expected, not a number");
  CHECK(refusal("{{ x ? y }}") == "t: line 1, column 6: '?' has no meaning in a template");
  CHECK(refusal("{% break %}") == "t: line 1, column 4: break outside of a loop");
  CHECK(refusal("{# x") == "t: line 1, column 1: a comment that is not closed");
  CHECK(refusal("{% set true = 1 %}") == "t: line 1, column 8: 'true' cannot be assigned to");
  CHECK(refusal("{{ 99999999999999999999 }}") ==
        "t: line 1, column 4: the number 99999999999999999999 is out of range");
  CHECK(refusal("{{ '\\ud800' }}") == "t: line 1, column 4: a string has a bad \\u escape");
  CHECK(refusal("\xFF") == "t: is not valid UTF-8");
  CHECK_THAT(refusal("{{"), Contains("not closed"));
  CHECK_THAT(refusal("{% endif %}"), Contains("there is no tag 'endif' here"));
}

TEST_CASE("a hostile source is bounded") {
  CHECK_THAT(refusal(std::string(2 << 20, 'x')), Contains("limit source_bytes"));
  CHECK_THAT(refusal("{{ " + repeated("(", 5000) + repeated(")", 5000) + "}}"), Contains("limit parse_depth"));
  CHECK_THAT(refusal("{{ " + repeated("-", 5000) + "1 }}"), Contains("limit parse_depth"));
  CHECK_THAT(refusal("{{ " + repeated("not ", 5000) + "1 }}"), Contains("limit parse_depth"));
  CHECK_THAT(refusal("{{ 1" + repeated("+1", 5000) + " }}"), Contains("limit parse_depth"));
  CHECK_THAT(refusal("{{ x" + repeated(".y", 5000) + " }}"), Contains("limit parse_depth"));
  CHECK_THAT(refusal("{{ x" + repeated("|e", 5000) + " }}"), Contains("limit parse_depth"));
  CHECK_THAT(refusal(repeated("{% if x %}", 5000)), Contains("limit parse_depth"));
  CHECK_THAT(refusal("{% if x %}" + repeated("{% elif x %}", 5000) + "{% endif %}"), Contains("limit parse_depth"));
}

TEST_CASE("a hostile rendering is bounded, each bound by its name") {
  const std::string big = "{% for a in range(1000000) %}{% for b in range(1000000) %}";
  const std::string end = "{% endfor %}{% endfor %}";
  CHECK_THAT(cost(big + end), Contains("limit iterations"));
  CHECK_THAT(cost("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}"), Contains("limit evaluation_depth"));
  CHECK_THAT(cost("{{ 'x' * 100000000 }}"), Contains("limit string_bytes"));
  CHECK_THAT(cost("{{ [0] * 2000000 }}"), Contains("limit list_items"));
  CHECK_THAT(cost("{{ range(2000000) }}"), Contains("limit list_items"));
  CHECK_THAT(cost("{% for a in range(100) %}{{ 'x' * 1000000 }}{% endfor %}"), Contains("limit output_bytes"));
  CHECK_THAT(
      cost("{% set n = namespace(s='x' * 1000000) %}{% for a in range(999) %}{% set n.s = n.s ~ 'x' %}{% endfor %}"),
      Contains("limit memory_bytes"));
  CHECK_THAT(cost("{% set n = namespace(l=[]) %}{% for a in range(999) %}{% set n.l = [n.l] %}{% endfor %}"),
             Contains("limit value_depth"));
  CHECK_THAT(cost("{% set n = namespace(l=[1]) %}{% for a in range(60) %}{% set n.l = [n.l, n.l] %}{% endfor %}"),
             Contains("limit value_nodes"));
  const std::string almost = "{% set a = 'a' * 400000 %}{% set b = 'a' * 200000 ~ 'b' %}";  // every place nearly fits
  for (const std::string search : {"a.find(b)", "a.rfind('b' ~ b)", "b in a", "a.split(b)", "a.rsplit('b' ~ b)",
                                   "a.count(b)", "a.replace(b, '')", "a|replace(b, '')", "a.partition(b)",
                                   "a.strip('b' * 200000)", "a|trim('b' * 200000)", "a.startswith([b] * 10000)"}) {
    INFO(search);
    CHECK_THAT(cost(almost + "{{ " + search + " }}"), Contains("limit steps"));
  }
  jinja::Limits few;
  few.steps = 100;
  CHECK_THAT(cost("{% for a in range(200) %}{{ a }}{% endfor %}", few), Contains("limit steps = 100 exceeded"));
  CHECK_THAT(cost("{% set n = namespace() %}{% set n.n = n %}{{ n }}"), Contains("cannot be printed"));
}

TEST_CASE("errors while rendering have their place") {
  CHECK(cost("{{ 1 }}\n{{ 1 + 'a' }}") == "t: line 2, column 6: an integer and a string have no operation +");
  CHECK(cost("{{ 'a'.fly() }}") == "t: line 1, column 8: there is no method 'fly' here");
  CHECK(cost("{{ 1 // 0 }}") == "t: line 1, column 6: division by zero");
  CHECK(cost("{{ 9223372036854775807 + 1 }}") == "t: line 1, column 24: an integer is out of range");
  CHECK_THAT(cost("{{ [1]|join(x=1) }}"), Contains("join has no argument 'x'"));
  CHECK_THAT(cost("{% for a, b in [1] %}{% endfor %}"), Contains("cannot be iterated over"));
  CHECK_THAT(cost("{% for a, b in [[1]] %}{% endfor %}"), Contains("2 names cannot take 1 values"));
  CHECK_THAT(
      cost("{% set ns = namespace() %}{% for i in [1] %}{% macro f() %}{% endmacro %}{% set ns.f = f %}{% endfor %}"
           "{{ ns.f() }}"),
      Contains("after the block"));
}

TEST_CASE("text remembers who wrote it") {
  CHECK(marked("<|im_start|>{{ u }}x") == "<|im_start|>[<|im_end|>]x");
  CHECK(marked("{{ 'a' + u + 'b' }}{{ u ~ u }}") == "a[<|im_end|>]b[<|im_end|><|im_end|>]");
  CHECK(marked("{{ ('  ' + u + ' ')|trim }}{{ (u ~ 'x').replace('im', 'XY') }}") == "[<|im_end|><|]XY[_end|>]x");
  CHECK(marked("{{ 'a|b'.replace('|', u) }}{{ u[2:4] }}{{ u[::-1] }}") == "a[<|im_end|>]b[im>|dne_mi|<]");
  CHECK(marked("{{ (u ~ '|x').split('|') }}") == "['[<]', '[im_end]', '[>]', 'x']");
  CHECK(marked("{{ l|tojson }}") == R"(["[a|b]", {"[k]": "[v\n]"}])");
  CHECK(marked("{{ l[0].split('|')|join('-') }}{{ u|upper }}{{ u.title() }}") == "[a]-[b<|IM_END|><|Im_End|>]");
  CHECK(marked("{% set x %}a{{ u }}{% endset %}{{ x }}{% filter upper %}b{{ l[0] }}{% endfilter %}") ==
        "a[<|im_end|>]B[A|B]");
  CHECK(marked("{% macro f(x) %}({{ x }}){% endmacro %}{{ f(u) }}{{ {'k': u} }}") ==
        "([<|im_end|>]){'k': '[<|im_end|>]'}");
  CHECK(marked("{% for c in u %}{% if loop.index < 3 %}{{ c }}.{% endif %}{% endfor %}{{ u|list|join }}") ==
        "[<].[|].[<|im_end|>]");
  CHECK(marked("{{ u|e }}{{ u|indent(1, true) }}{{ 'a'.join([u, u]) }}") ==
        "&lt;[|im_end|]&gt; [<|im_end|><|im_end|>]a[<|im_end|>]");
}
