#pragma once
// The state of one schema on its way into a grammar. For .cpp files that include JSON.

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "grammar/json_text.hpp"
#include "grammar/schema_keywords.hpp"

namespace clawrl::grammar {

/// Used once. Every subschema becomes a rule named by its path; a $ref is a call of the rule of what it points at.
class SchemaCompiler {
 public:
  static constexpr int max_depth = 64;  // schemas within schemas, references followed included
  static constexpr std::size_t max_values = 2000, max_properties = 1000, max_schemas = 20000, max_name = 1000;
  static constexpr int max_repeat = 10000;
  static constexpr std::size_t max_work = 1'000'000;  // values copied while schemas are merged

  SchemaCompiler(Grammar& grammar, const JsonText& json, const Schema& root, std::string where)
      : grammar_(grammar), json_(json), root_(root), where_(std::move(where)) {}
  Expression compile(const Schema& schema, const std::string& path);
  const std::string& where() const { return where_; }

 private:
  [[noreturn]] void refuse(const std::string& keyword, const std::string& path, const std::string& why) const;
  void pay(const Schema& copied, const std::string& path);
  Expression body(const Schema& schema, const std::string& path);
  Expression reference(const std::string& target, const std::string& path);
  const Schema& resolve(const std::string& target, const std::string& path) const;
  Schema flattened(const Schema& schema, const std::string& path, int depth);
  Expression values(const Schema& schema, const std::string& path);
  Expression branches(const Schema& schema, const std::string& keyword, const std::string& path);
  Expression of_type(const std::string& type, const Schema& schema, const std::string& path);
  std::vector<std::string> types_of(const Schema& schema, const std::string& path) const;
  void check_type_keywords(const Schema& schema, const std::vector<std::string>& types, const std::string& path) const;
  Expression object(const Schema& schema, const std::string& path);
  Expression array(const Schema& schema, const std::string& path);
  Expression string(const Schema& schema, const std::string& path);
  Expression integer(const Schema& schema, const std::string& path);
  Expression number(const Schema& schema, const std::string& path);
  int count(const Schema& schema, const char* keyword, int otherwise, const std::string& path) const;

  Grammar& grammar_;
  const JsonText& json_;
  const Schema& root_;
  std::string where_;
  std::map<std::string, int> references_;  // target -> rule
  int depth_ = 0;
  std::size_t schemas_ = 0, work_ = 0;
};

}  // namespace clawrl::grammar
