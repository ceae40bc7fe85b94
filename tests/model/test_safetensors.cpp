#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>

#include "core/error.hpp"
#include "model/safetensors.hpp"
#include "support/catch.hpp"

using namespace clawrl;
namespace fs = std::filesystem;

namespace {

struct Folder {
  fs::path path = fs::temp_directory_path() / ("clawrl_safetensors_" + std::to_string(::getpid()));
  Folder() { fs::create_directories(path); }
  ~Folder() { fs::remove_all(path); }
  std::string file(const std::string& name) const { return (path / name).string(); }
};

std::string with_header(const std::string& header, std::size_t data_bytes) {
  const std::uint64_t size = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &size, 8);
  return bytes + header + std::string(data_bytes, 'x');
}

// What opening a file of these bytes says; empty if it is accepted.
std::string complaint(const std::string& bytes) {
  const Folder folder;
  const auto path = folder.file("x.safetensors");
  std::ofstream(path, std::ios::binary) << bytes;
  try {
    const SafetensorsFile file(path);
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

float through(DType type, float value) {
  std::uint16_t stored = 0;
  float back = 0;
  const ParameterView from{"x", DType::f32, {1}, &value}, middle{"x", type, {1}, &stored};
  const ParameterView to{"x", DType::f32, {1}, &back};
  convert(from, middle);
  convert(middle, to);
  return back;
}

}  // namespace

TEST_CASE("a written file reads back bit for bit, in every type") {
  const Folder folder;
  std::vector<float> a{1.5F, -2.25F, 3e-30F, 0.0F, -0.0F, 7.0F};
  std::vector<std::uint16_t> b{0x3F80, 0xC000, 0x0001};
  std::vector<std::int64_t> c{-5, std::numeric_limits<std::int64_t>::max()};
  std::vector<std::uint8_t> empty;
  const auto path = folder.file("model.safetensors");
  write_safetensors(path,
                    {{"z.a", DType::f32, {2, 3}, a.data()},
                     {"b", DType::bf16, {3}, b.data()},
                     {"half", DType::f16, {3, 1}, b.data()},
                     {"none", DType::u8, {0, 4}, empty.data()},
                     {"scalar \"c\"", DType::i64, {2}, c.data()}},
                    {{"format", "pt"}, {"note", "x"}});
  const SafetensorsFile file(path);
  REQUIRE(file.tensors().size() == 5);
  CHECK(file.metadata().at("note") == "x");
  CHECK(file.tensors()[0].name == "b");
  const auto* read = file.find("z.a");
  REQUIRE(read != nullptr);
  CHECK(read->shape == std::vector<std::int64_t>{2, 3});
  CHECK(std::memcmp(read->data, a.data(), read->bytes()) == 0);
  CHECK(std::memcmp(file.find("half")->data, b.data(), 6) == 0);
  CHECK(std::memcmp(file.find("scalar \"c\"")->data, c.data(), 16) == 0);
  CHECK(file.find("none")->bytes() == 0);
  CHECK(file.find("absent") == nullptr);
  CHECK(std::distance(fs::directory_iterator(folder.path), fs::directory_iterator()) == 1);  // no temporary file left
}

TEST_CASE("damaged files are refused, the file and the tensor named") {
  const std::string good = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  CHECK(complaint(with_header(good, 8)).empty());
  CHECK_THAT(complaint("abc"), Catch::Contains("truncated"));
  CHECK_THAT(complaint(with_header(good, 8).substr(0, 30)), Catch::Contains("truncated"));
  CHECK_THAT(complaint(with_header(good, 7)), Catch::Contains("tensor a") && Catch::Contains("outside"));
  CHECK_THAT(complaint(with_header(good, 9)), Catch::Contains("belong to no tensor"));
  CHECK_THAT(complaint(with_header("[1]", 0)), Catch::Contains("not a JSON object"));
  CHECK_THAT(complaint(with_header("{\"a\":", 0)), Catch::Contains("not a JSON object"));
  auto entry = [](const std::string& dtype, const std::string& shape, const std::string& offsets) {
    const auto fields = R"("dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets;
    return complaint(with_header(R"({"a":{)" + fields + "}}", 8));
  };
  CHECK_THAT(entry("\"F8\"", "[8]", "[0,8]"), Catch::Contains("tensor a") && Catch::Contains("F8"));
  CHECK_THAT(entry("3", "[8]", "[0,8]"), Catch::Contains("unknown dtype"));
  CHECK_THAT(entry("\"F32\"", "[3]", "[0,8]"), Catch::Contains("do not fit"));
  CHECK_THAT(entry("\"F32\"", "[-2]", "[0,8]"), Catch::Contains("non-negative"));
  CHECK_THAT(entry("\"F32\"", "[4611686018427387904,4]", "[0,8]"), Catch::Contains("overflows"));
  CHECK_THAT(entry("\"F32\"", "[2]", "[8,0]"), Catch::Contains("outside"));
  CHECK_THAT(entry("\"F32\"", "[2]", "[0]"), Catch::Contains("malformed"));
  const std::string overlap = R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
                              R"("b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})";
  CHECK_THAT(complaint(with_header(overlap, 6)), Catch::Contains("tensor b overlaps"));
  CHECK_THROWS_WITH(SafetensorsFile("/nowhere/x.safetensors"), Catch::Contains("/nowhere/x.safetensors"));
}

TEST_CASE("headers that lie are refused without costing memory or stack") {
  const auto header = [](const std::string& text) { return complaint(with_header(text, 8)); };
  const std::string a = R"("a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]})";
  CHECK_THAT(header("{" + a + "," + a + "}"), Catch::Contains("tensor a is there twice"));
  CHECK_THAT(header(R"({"a":{"dtype":"U8","dtype":"F32","shape":[8],"data_offsets":[0,8]}})"),
             Catch::Contains("tensor a: has dtype twice"));
  CHECK_THAT(header(std::string(1'000'000, '[')), Catch::Contains("not a JSON object"));
  const std::string deep(1'000'000, '[');
  CHECK_THAT(header(R"({"a":{"dtype":)" + deep), Catch::Contains("tensor a: unknown dtype"));
  CHECK_THAT(header(R"({"a":{"dtype":"U8","shape":)" + deep), Catch::Contains("tensor a: sizes"));
  CHECK_THAT(header(R"({"a":)" + deep), Catch::Contains("tensor a: needs dtype"));
  CHECK_THAT(header(R"({"__metadata__":{"x":)" + deep), Catch::Contains("__metadata__ must hold texts"));
  CHECK_THAT(header(R"({"__metadata__":7})"), Catch::Contains("__metadata__ is not a JSON object"));
  CHECK_THAT(header(R"({"a":{"dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,8]}})"),
             Catch::Contains("tensor a: shape overflows"));
  CHECK_THAT(header(R"({"a":{"dtype":"U8","shape":[0,2305843009213693952,8],"data_offsets":[0,0]}})"),
             Catch::Contains("tensor a: shape overflows"));
  CHECK_THAT(header(R"({"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8,8]}})"), Catch::Contains("more than two"));
  CHECK_THAT(header(R"({"a":{"dtype":"U8","shape":[1e1],"data_offsets":[0,8]}})"), Catch::Contains("non-negative"));
  CHECK_THAT(header(R"({"a":{"shape":[8],"data_offsets":[0,8]}})"), Catch::Contains("tensor a: needs dtype"));
  CHECK_THAT(header("{\"\xff\":{}}"), Catch::Contains("breaks at byte"));
  CHECK_THAT(header("{" + a + "}x"), Catch::Contains("breaks at byte"));
  CHECK(header("{" + a + "}   ").empty());
  auto huge = with_header("{}", 0);
  huge[7] = '\x7f';  // a header of 2^62 bytes
  CHECK_THAT(complaint(huge), Catch::Contains("header would need"));
  const Folder folder;
  CHECK_THROWS_WITH(SafetensorsFile(folder.path.string()), Catch::Contains("is not a file"));
  const std::string long_name(50'000, 'n');
  CHECK(header("{\"" + long_name + R"(":{"dtype":"U8","shape":[7],"data_offsets":[0,8]}})").size() < 1000);
}

TEST_CASE("bf16 and f16 round to nearest even and keep special values") {
  CHECK(through(DType::bf16, 1.0F + 1.0F / 256) == 1.0F);  // a tie goes to the even neighbour
  CHECK(through(DType::bf16, 1.0F + 3.0F / 256) == 1.0F + 1.0F / 64);
  CHECK(through(DType::bf16, 1.0F + 1.1F / 256) == 1.0F + 1.0F / 128);
  CHECK(std::isinf(through(DType::bf16, std::numeric_limits<float>::max())));
  CHECK(std::isnan(through(DType::bf16, std::numeric_limits<float>::quiet_NaN())));
  CHECK(through(DType::f16, 1.0F + 1.0F / 2048) == 1.0F);
  CHECK(through(DType::f16, 65504.0F) == 65504.0F);
  CHECK(std::isinf(through(DType::f16, 65520.0F)));
  CHECK(through(DType::f16, 5.9604645e-8F) == 5.9604645e-8F);  // the smallest subnormal
  CHECK(through(DType::f16, 6.1e-5F) == Approx(6.1e-5F).epsilon(1e-3));
  CHECK(through(DType::f16, -0.3333F) == Approx(-0.3333F).epsilon(1e-3));
  CHECK(std::isnan(through(DType::f16, std::numeric_limits<float>::quiet_NaN())));
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {  // every f16 that is a number survives the way to f32 and back
    auto stored = static_cast<std::uint16_t>(bits);
    float wide = 0;
    std::uint16_t back = 0;
    convert({"x", DType::f16, {1}, &stored}, {"x", DType::f32, {1}, &wide});
    convert({"x", DType::f32, {1}, &wide}, {"x", DType::f16, {1}, &back});
    if (!std::isnan(wide) && back != stored) FAIL("f16 " << bits << " became " << back);
  }
  float x[2] = {1, 2};
  std::int64_t y[2] = {0, 0};
  CHECK_THROWS_AS(convert({"x", DType::f32, {2}, x}, {"x", DType::f32, {1}, x}), UserError);
  CHECK_THROWS_WITH(convert({"x", DType::f32, {2}, x}, {"x", DType::i64, {2}, y}), Catch::Contains("tensor x"));
}
