#include "model/safetensors_header.hpp"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/error.hpp"

namespace clawrl {
namespace {

using nlohmann::json;

struct TypeName {
  const char* text;
  DType type;
};
constexpr TypeName type_names[] = {{"F32", DType::f32}, {"BF16", DType::bf16}, {"F16", DType::f16}, {"I64", DType::i64},
                                   {"F64", DType::f64}, {"I32", DType::i32},   {"U8", DType::u8}};
constexpr std::size_t most_dimensions = 32;

/// What goes into a message: a name may be as long as the header.
std::string shown(const std::string& text) {
  return text.size() <= 200 ? text : text.substr(0, 200) + "...";
}

/// Takes the header as events, so that neither depth nor size of what a file claims costs memory of its own.
class HeaderReader final : public nlohmann::json_sax<json> {
 public:
  HeaderReader(SafetensorsHeader& header, const std::string& path) : header_(header), path_(path) {}

  bool null() override { return other("null"); }
  bool boolean(bool) override { return other("a truth value"); }
  bool number_integer(number_integer_t) override { return other("a negative number"); }
  bool number_unsigned(number_unsigned_t value) override {
    if (field_ == Field::shape && in_list_) return add_extent(value);
    if (field_ != Field::offsets || !in_list_) return other("a number");
    refuse_unless(offsets_ < 2, "malformed data_offsets: more than two numbers");
    (offsets_++ == 0 ? header_.tensors.back().begin : header_.tensors.back().end) = value;
    return true;
  }
  bool number_float(number_float_t, const string_t&) override { return other("a fraction"); }
  bool string(string_t& value) override {
    if (part_ == Part::metadata) {
      header_.metadata[metadata_key_] = value;
      return true;
    }
    if (field_ != Field::dtype) return other("a text");
    for (const auto& entry : type_names) {
      if (value != entry.text) continue;
      header_.tensors.back().type = entry.type;
      return true;
    }
    return other('"' + value + '"');
  }
  bool binary(binary_t&) override { return other("binary data"); }

  bool start_object(std::size_t) override {
    if (part_ == Part::outside)
      part_ = Part::names;
    else if (part_ == Part::names)
      open_entry();
    else
      return other("an object");
    return true;
  }
  bool end_object() override {
    if (part_ == Part::tensor) close_tensor();
    part_ = Part::names;
    return true;
  }
  bool start_array(std::size_t) override {
    refuse_unless(part_ != Part::outside, "header is not a JSON object");
    if (in_list_ || (field_ != Field::shape && field_ != Field::offsets)) return other("a list");
    in_list_ = true;
    return true;
  }
  bool end_array() override {
    in_list_ = false;
    return true;
  }
  bool key(string_t& name) override {
    if (part_ == Part::names) name_ = name;
    if (part_ == Part::metadata) metadata_key_ = name;
    if (part_ == Part::tensor) open_field(name);
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    throw UserError(path_ + ": header is not a JSON object: it breaks at byte " + std::to_string(position));
  }

 private:
  enum class Part { outside, names, metadata, tensor };
  enum class Field { none = 0, dtype = 1, shape = 2, offsets = 4 };

  std::string where() const { return name_.empty() ? path_ : path_ + ": tensor " + shown(name_); }
  void refuse_unless(bool holds, const std::string& what) const {
    if (!holds) throw UserError(where() + ": " + what);
  }

  bool other(const std::string& what) const {
    refuse_unless(part_ != Part::outside, "header is not a JSON object");
    if (part_ == Part::names && name_ == "__metadata__") throw UserError(path_ + ": __metadata__ is not a JSON object");
    refuse_unless(part_ != Part::names, "needs dtype, shape and data_offsets, not " + shown(what));
    if (part_ == Part::metadata) throw UserError(path_ + ": __metadata__ must hold texts, not " + what);
    refuse_unless(field_ != Field::dtype,
                  "unknown dtype " + shown(what) + "; allowed: F32, BF16, F16, F64, I64, I32, U8");
    refuse_unless(!in_list_, "sizes and offsets must be non-negative integers, not " + shown(what));
    refuse_unless(field_ == Field::none, "malformed shape or data_offsets: " + shown(what));
    return true;  // a field that the format does not know
  }

  void open_entry() {
    part_ = name_ == "__metadata__" ? Part::metadata : Part::tensor;
    if (part_ == Part::metadata) return;
    header_.tensors.push_back({name_, DType::f32, {}, 0, 0});
    seen_ = 0;
    offsets_ = 0;
    field_ = Field::none;
  }

  void open_field(const std::string& field) {
    field_ = field == "dtype"          ? Field::dtype
             : field == "shape"        ? Field::shape
             : field == "data_offsets" ? Field::offsets
                                       : Field::none;
    refuse_unless((seen_ & static_cast<int>(field_)) == 0, "has " + shown(field) + " twice");
    seen_ |= static_cast<int>(field_);
  }

  bool add_extent(std::uint64_t value) {
    auto& shape = header_.tensors.back().shape;
    refuse_unless(value <= std::numeric_limits<std::int64_t>::max(), "shape overflows");
    refuse_unless(shape.size() < most_dimensions, "has more than 32 dimensions");
    shape.push_back(static_cast<std::int64_t>(value));
    return true;
  }

  void close_tensor() {
    refuse_unless(seen_ == 7, "needs dtype, shape and data_offsets");
    refuse_unless(offsets_ == 2, "malformed data_offsets: two numbers are needed");
    field_ = Field::none;
  }

  SafetensorsHeader& header_;
  const std::string& path_;
  Part part_ = Part::outside;
  Field field_ = Field::none;
  bool in_list_ = false;
  int seen_ = 0, offsets_ = 0;
  std::string name_, metadata_key_;
};

void check_sizes(const StoredTensor& tensor, std::size_t data_bytes, const std::string& path) {
  const auto where = path + ": tensor " + shown(tensor.name);
  auto bytes = static_cast<std::int64_t>(size_of(tensor.type));
  bool empty = false;
  for (const auto extent : tensor.shape) {  // no product of any of the extents may overflow, whatever the order
    empty |= extent == 0;
    require(!__builtin_mul_overflow(bytes, std::max<std::int64_t>(extent, 1), &bytes), where + ": shape overflows");
  }
  const auto offsets = "[" + std::to_string(tensor.begin) + "," + std::to_string(tensor.end) + "]";
  require(
      tensor.begin <= tensor.end && tensor.end <= data_bytes,
      where + ": data_offsets " + offsets + " lie outside the file's " + std::to_string(data_bytes) + " data bytes");
  require(tensor.end - tensor.begin == (empty ? 0 : static_cast<std::size_t>(bytes)),
          where + ": data_offsets " + offsets + " do not fit its shape and dtype");
}

void check_coverage(const std::vector<StoredTensor>& tensors, std::size_t data_bytes, const std::string& path) {
  std::vector<const StoredTensor*> order;
  for (const auto& tensor : tensors)
    if (tensor.begin != tensor.end) order.push_back(&tensor);
  std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) { return a->begin < b->begin; });
  std::size_t end = 0;
  for (const auto* tensor : order) {
    require(tensor->begin >= end, path + ": tensor " + shown(tensor->name) + " overlaps another one");
    require(tensor->begin == end, path + ": bytes before tensor " + shown(tensor->name) + " belong to no tensor");
    end = tensor->end;
  }
  require(end == data_bytes, path + ": bytes after the last tensor belong to no tensor");
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view text, std::size_t data_bytes, const std::string& path) {
  SafetensorsHeader header;
  HeaderReader reader(header, path);
  json::sax_parse(text.begin(), text.end(), &reader);
  auto& tensors = header.tensors;
  std::sort(tensors.begin(), tensors.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    require(i == 0 || tensors[i - 1].name != tensors[i].name,
            path + ": tensor " + shown(tensors[i].name) + " is there twice");
    check_sizes(tensors[i], data_bytes, path);
  }
  check_coverage(tensors, data_bytes, path);
  return header;
}

const char* safetensors_name(DType type) {
  for (const auto& entry : type_names)
    if (type == entry.type) return entry.text;
  throw InternalError("a type without a safetensors name");
}

}  // namespace clawrl
