#pragma once
// Reading a JSON file whose every complaint names the file and the field. JSON itself stays in the .cpp.

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace clawrl {

/// A value and where it stands. Cheap to copy; valid as long as its JsonFile. All readers throw UserError.
class JsonField {
 public:
  [[noreturn]] void refuse(const std::string& why) const;

  bool is_null() const;
  bool is_text() const;
  /// A member that is there and not null; false for what is no object.
  bool has(const std::string& key) const;
  JsonField at(const std::string& key) const;
  /// The member, or a null field of that name.
  JsonField optional(const std::string& key) const;
  std::vector<JsonField> items() const;                            // of an array
  std::vector<std::pair<std::string, JsonField>> entries() const;  // of an object that is not empty
  std::size_t size() const;                                        // of an array or object, else 0
  std::string text() const;
  std::int64_t integer(std::int64_t low, std::int64_t high) const;
  bool flag(const std::string& key, bool otherwise) const;
  std::string type() const { return at("type").text(); }
  /// Absent, null, "", 0 or false: an option that asks for nothing.
  bool asks_for_nothing(const std::string& key) const;

 private:
  friend class JsonFile;
  JsonField(const void* value, const std::string* file, std::string path)
      : value_(value), file_(file), path_(std::move(path)) {}
  const void* value_;
  const std::string* file_;
  std::string path_;
};

/// Throws UserError: unreadable, larger than 512 MiB, nested deeper than 64, no JSON, or invalid UTF-8 (with line and
/// column).
class JsonFile {
 public:
  explicit JsonFile(const std::string& path);
  ~JsonFile();
  JsonFile(const JsonFile&) = delete;
  JsonFile& operator=(const JsonFile&) = delete;
  JsonField root() const;

 private:
  struct Content;
  std::unique_ptr<Content> content_;
};

}  // namespace clawrl
