// The template interpreter, construct by construct. The expected texts are Jinja2's own (3.1.6, environment as in
// Hugging Face transformers).

#include "core/error.hpp"
#include "prompt/jinja/json.hpp"
#include "prompt/jinja/template.hpp"
#include "support/catch.hpp"

using namespace clawrl;
using Catch::Matchers::Contains;

namespace {

std::string render(const std::string& source, const std::string& json = "{}") {
  jinja::Template::Variables variables;
  const jinja::Value all = jinja::parse_json(json);
  for (const auto& [key, value] : jinja::as_dict(all)->items())
    variables.emplace_back(jinja::as_text(key)->bytes(), value);
  return jinja::Template(source, "t").render(variables, 0).bytes();
}

}  // namespace

TEST_CASE("output and operators") {
  CHECK(render("{{ 1 + 2 * 3 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2 ** 5 }}") ==
        "7 3 -4 2 3.5 32");
  CHECK(render("{{ 'a' ~ 1 ~ none ~ true }}{{ 'ab' * 2 }}{{ [1] + [2] }}") == "a1NoneTrueabab[1, 2]");
  CHECK(render("{{ 0 or 'x' }}{{ 1 and 'y' }}{{ '' and 'z' }}{{ not [] }}") == "xyTrue");
  CHECK(render("{{ 1 < 2 < 3 }} {{ 3 > 2 > 2 }} {{ 1 == 1.0 }} {{ 'a' in 'cat' }} {{ 4 not in [1, 2] }}") ==
        "True False True True True");
  CHECK(render("{{ 'a' if x else 'b' }}{{ 'c' if x }}") == "b");
  CHECK(render("{{ 1.0 }} {{ 1e16 }} {{ 1e-7 }} {{ true }} {{ none }} {{ 1_000 }}") ==
        "1.0 1e+16 1e-07 True None 1000");
  CHECK(render("{{ {'a': [1, 'x\\'y'], 2: (3,)} }}") == "{'a': [1, \"x'y\"], 2: (3,)}");
  CHECK(render("{{ 'a' 'b' \"\\n\\x41\\u00e9\\101\\q\" }}") ==
        "ab\nA\xC3\xA9"
        "A\\q");
}

TEST_CASE("items, attributes, slices and what is undefined") {
  const std::string data = R"({"d": {"k": 1, "items": 2}, "l": [1, 2, 3, 4], "s": "h\u00e9llo"})";
  CHECK(render("{{ d.k }}{{ d['k'] }}{{ l[0] }}{{ l[-1] }}{{ l.1 }}{{ s[1] }}{{ d['items'] }}", data) ==
        "11142\xC3\xA9"
        "2");
  CHECK(render("{{ l[::-1] }}{{ l[1:3] }}{{ l[-2:] }}{{ s[::-1] }}{{ s[:2] }}{{ l[::2] }}{{ l[5:] }}", data) ==
        "[4, 3, 2, 1][2, 3][3, 4]oll\xC3\xA9hh\xC3\xA9[1, 3][]");
  CHECK(render("{{ x }}{{ d.nothing }}{{ l[9] }}{{ x is defined }}{{ x|length }}{{ 'a' in x }}", data) ==
        "False0False");
  CHECK(render("{% for y in x %}a{% else %}b{% endfor %}", data) == "b");
  CHECK_THROWS_WITH(render("a\n {{ x.y }}"), "t: line 2, column 7: 'x', which is undefined, has no attribute 'y'");
  CHECK_THROWS_WITH(render("{{ x + 1 }}"), Contains("line 1, column 6"));
}

TEST_CASE("string methods and filters") {
  CHECK(render("{{ ' ab '.strip() }}|{{ 'xaxx'.rstrip('x') }}|{{ '--a'.lstrip('-') }}|{{ ' a '|trim }}") ==
        "ab|xa|a|a");
  CHECK(
      render("{{ 'a,b,c'.split(',') }}{{ ' a  b '.split() }}{{ 'a,b,c'.split(',', 1) }}{{ 'a,b,c'.rsplit(',', 1) }}") ==
      "['a', 'b', 'c']['a', 'b']['a', 'b,c']['a,b', 'c']");
  CHECK(render("{{ 'abc'.startswith('ab') }}{{ 'abc'.endswith(('x', 'bc')) }}{{ 'aXa'.replace('a', 'b', 1) }}") ==
        "TrueTruebXa");
  CHECK(render("{{ 'aB'|upper }}{{ 'aB'.lower() }}{{ \"it's ok\".title() }}{{ 'heLLO'|capitalize }}") ==
        "ABabIt'S OkHello");
  CHECK(render("{{ [1, 'a', none]|join('-') }}{{ ['a', 'b']|join }}{{ '+'.join(['x', 'y']) }}") == "1-a-Noneabx+y");
  CHECK(render("{{ 'a\nb\n\nc'|indent(2) }}|{{ 'a'|replace('a', 'b') }}|{{ 'x'|default('y') }}{{ z|default('y') }}") ==
        "a\n  b\n\n  c|b|xy");
  CHECK(render("{{ '12'|int + 1 }}{{ 'x'|int(7) }}{{ '1.5'|float }}{{ -3|abs }}{{ 2.567|round(2) }}") == "1371.532.57");
}

TEST_CASE("filters of sequences") {
  const std::string data = R"({"l": [{"n": 2, "k": "b"}, {"n": 1, "k": "A"}, {"k": "c"}], "d": {"b": 1, "a": 2}})";
  CHECK(render("{{ l|map(attribute='k')|join(',') }}{{ l|length }}{{ [3,1]|first }}{{ [3,1]|last }}", data) ==
        "b,A,c331");
  CHECK(render("{{ l|selectattr('n', 'defined')|map(attribute='n')|list }}{{ l|rejectattr('n')|list|length }}", data) ==
        "[2, 1]1");
  CHECK(render("{{ l|selectattr('k', 'equalto', 'c')|list }}{{ ['a','b']|map('upper')|list }}", data) ==
        "[{'k': 'c'}]['A', 'B']");
  CHECK(render("{{ [1,2,3]|select('gt', 1)|list }}{{ [0,1,'']|select|list }}{{ [1,2]|reject('odd')|list }}") ==
        "[2, 3][1][2]");
  CHECK(render("{{ ['b','A','c']|sort|join }}{{ [3,1,2]|sort(reverse=true) }}{{ d|dictsort }}{{ d|items|list }}",
               data) == "Abc[3, 2, 1][('a', 2), ('b', 1)][('b', 1), ('a', 2)]");
  CHECK(render("{{ [1,2,1,'a','A']|unique|list }}{{ 'abc'|reverse }}{{ [1,2]|sum }}{{ [2,5]|max }}{{ 'ab'|list }}") ==
        "[1, 2, 'a']cba35['a', 'b']");
  CHECK(render("{{ d.items()|list }}{{ d.keys()|list }}{{ d.values()|list }}{{ d.get('x', 3) }}{{ d.get('x') }}",
               data) == "[('b', 1), ('a', 2)]['b', 'a'][1, 2]3None");
}

TEST_CASE("strings, dicts and what is undefined as sequences") {
  CHECK(render("{{ 'x'.join('abc') }}{{ 'abc'|map('upper')|join }}{{ 'aXb'|select('ne', 'X')|join }}{{ "
               "'aab'|unique|join }}") == "axbxcABCabab");
  CHECK(render("{{ {'a': 1, 'b': 2}|join }}{{ {1: 2, 3: 4}|sum }}{{ 'abc'|batch(2)|list }}{{ x|join }}{{ "
               "x|map('upper')|list }}") == "ab4[['a', 'b'], ['c']][]");
}

TEST_CASE("JSON as Python writes it") {
  const std::string data =
      R"({"v": {"b": [1, 2.50, null], "a": "\u00e9<\"\n", "e": {}, "n": 123456789012345678901234567890}})";
  CHECK(render("{{ v|tojson }}", data) ==
        "{\"b\": [1, 2.5, null], \"a\": \"\xC3\xA9<\\\"\\n\", \"e\": {}, \"n\": 123456789012345678901234567890}");
  CHECK(render("{{ {'a': [1, {}], 'b': 'x'}|tojson(indent=2) }}") ==
        "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": \"x\"\n}");
  CHECK(
      render("{{ v.a|tojson(ensure_ascii=true) }}{{ {'b': 1, 'a': 2}|tojson(sort_keys=true, separators=(',', ':')) }}",
             data) == R"("\u00e9<\"\n"{"a":2,"b":1})");
  CHECK_THROWS_WITH(render("{{ x|tojson }}"), Contains("cannot be written as JSON"));
}

TEST_CASE("tests") {
  CHECK(
      render("{{ 1 is number }}{{ 'a' is string }}{{ {} is mapping }}{{ [] is sequence }}{{ true is integer }}"
             "{{ none is none }}{{ 2 is divisibleby 2 }}{{ 'a' is in ['a'] }}{{ 1 is not string }}{{ false is false }}"
             "{{ 'a' is iterable }}{{ 1 is iterable }}{{ 3 is odd }}{{ 1 is eq 1 }}{{ true is boolean }}") ==
      "TrueTrueTrueTrueFalseTrueTrueTrueTrueTrueTrueFalseTrueTrueTrue");
}

TEST_CASE("loops") {
  CHECK(
      render("{% for x in [1,2,3] %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.first }}{{ loop.last }}"
             "{{ loop.length }}{{ loop.previtem }}{{ loop.nextitem }};{% endfor %}") ==
      "103TrueFalse32;212FalseFalse313;321FalseTrue32;");
  CHECK(render("{% for x in range(10) if x % 2 %}{% if x == 7 %}{% break %}{% endif %}{% if x == 3 %}{% continue %}"
               "{% endif %}{{ x }}{{ loop.index }} {% endfor %}") == "11 53 ");
  CHECK(render("{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}{% for c in 'ab' %}{{ c }}.{% endfor %}",
               R"({"d": {"a": 1, "b": [2]}})") == "a=1;b=[2];a.b.");
  CHECK(render("{% set x = 1 %}{% for i in [1] %}{% set x = 2 %}{{ x }}{% endfor %}{{ x }}") == "21");
  CHECK(
      render(
          "{% for i in [1,2] %}{{ loop.cycle('a', 'b') }}{% for j in [1] %}{{ loop.depth }}{% endfor %}{% endfor %}") ==
      "a1b1");
  CHECK(render("{% for i in [1,1,2] %}{{ loop.changed(i) }}{% endfor %}") == "TrueFalseTrue");
}

TEST_CASE("set, namespace, macro, with, filter and generation blocks") {
  CHECK(render("{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set c %}x{{ a }}{% endset %}{{ c }}") == "12x1");
  CHECK(render("{% set ns = namespace(n=0) %}{% for i in [1,2] %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}") ==
        "3");
  CHECK(render("{% macro f(a, b='y', c=a) %}[{{ a }}{{ b }}{{ c }}]{% endmacro %}{{ f('x') }}{{ f(1, c=2) }}") ==
        "[xyx][1y2]");
  CHECK(render("{% macro f(n) %}{% if n %}{{ n }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}") == "321");
  CHECK(render("{% with a = 1, b = 2 %}{{ a }}{{ b }}{% endwith %}{{ a }}") == "12");
  CHECK(render("{% filter upper %}ab{{ 'c' }}{% endfilter %}{% generation %}d{% endgeneration %}") == "ABCd");
  CHECK(render("{% set x | upper %}ab{% endset %}{{ x }}") == "AB");
  CHECK_THROWS_WITH(render("{% set x = 1 %}{% set x.y = 2 %}"), Contains("only a namespace"));
}

TEST_CASE("white space, comments and raw blocks") {
  CHECK(render("a\n  {% if true %}\nb\n  {% endif %}\nc\n") == "a\nb\nc");
  CHECK(render("a {%- if true -%} \n b {% endif %} c") == "ab  c");
  CHECK(render("  {{- 'x' -}}  \n y") == "xy");
  CHECK(render("a\n  {#- c #}\nb{# {{ x }} #}\nc") == "abc");
  CHECK(render("a\n  {# c #}\nb") == "a\nb");
  CHECK(render("a\n  {%+ if true %}b{% endif +%}\nc") == "a\n  b\nc");
  CHECK(render("{% raw %}{{ x }}{% endraw %}\n{%- raw -%} {% y %} {%- endraw %}") == "{{ x }}{% y %}");
  CHECK(render("a\r\nb\rc\n\n") == "a\nb\nc\n");
}

TEST_CASE("nothing that was given can be changed") {
  for (const char* change : {"{{ l.append(1) }}", "{{ d.update({}) }}", "{{ d.pop('a') }}", "{{ l.sort() }}"})
    CHECK_THROWS_WITH(render(change, R"({"l": [1], "d": {"a": 1}})"), Contains("must not change"));
}

TEST_CASE("raise_exception gives the template's own words") {
  CHECK_THROWS_WITH(render("{{ raise_exception('Only ' ~ 2) }}"), "Only 2");
}
