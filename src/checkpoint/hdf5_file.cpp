#include "checkpoint/hdf5_file.hpp"

#include <hdf5.h>

#include <mutex>
#include <utility>

#include "core/error.hpp"

namespace clawrl {
namespace {

std::mutex library;  // serial HDF5 may be built without thread safety

/// Innermost message of HDF5's error stack.
herr_t innermost(unsigned depth, const H5E_error2_t* entry, void* into) {
  if (depth == 0 && entry->desc) *static_cast<std::string*>(into) = entry->desc;
  return 0;
}

template <class Result>
Result check(Result result, const std::string& path, const char* doing) {
  if (result >= 0) return result;
  std::string reason = "unknown reason";
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, innermost, &reason);
  H5Eclear2(H5E_DEFAULT);
  throw UserError(path + ": HDF5: cannot " + doing + ": " + reason);
}

/// An HDF5 object that is let go at the end of the scope.
class Object {
 public:
  Object(hid_t id, herr_t (*release)(hid_t)) : id_(id), release_(release) {}
  ~Object() { release_(id_); }
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  operator hid_t() const { return id_; }

 private:
  hid_t id_;
  herr_t (*release_)(hid_t);
};

void be_quiet() {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

/// bf16 and f16 have no type in HDF5 1.10: their bits, with the name in an attribute.
hid_t stored_type(DType type) {
  switch (type) {
    case DType::f32:
      return H5T_IEEE_F32LE;
    case DType::f64:
      return H5T_IEEE_F64LE;
    case DType::i64:
      return H5T_STD_I64LE;
    case DType::i32:
      return H5T_STD_I32LE;
    case DType::u8:
      return H5T_STD_U8LE;
    case DType::bf16:
    case DType::f16:
      break;
  }
  return H5T_STD_U16LE;
}

Object make_space(const TensorInfo& tensor, const std::string& path) {
  std::vector<hsize_t> extents(tensor.shape.begin(), tensor.shape.end());
  return {check(extents.empty() ? H5Screate(H5S_SCALAR)
                                : H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr),
                path, "describe a shape"),
          H5Sclose};
}

Object text_type(std::size_t length, const std::string& path) {
  Object type(check(H5Tcopy(H5T_C_S1), path, "copy a type"), H5Tclose);
  check(H5Tset_size(type, length + 1), path, "size a text");
  H5Tset_cset(type, H5T_CSET_UTF8);
  return {H5Tcopy(type), H5Tclose};
}

void write_attribute(hid_t object, const char* name, const std::string& text, const std::string& path) {
  const Object type = text_type(text.size(), path);
  const Object space(H5Screate(H5S_SCALAR), H5Sclose);
  const Object attribute(
      check(H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT), path, "make an attribute"), H5Aclose);
  check(H5Awrite(attribute, type, text.c_str()), path, "write an attribute");
}

Object making_groups() {
  Object links(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
  H5Pset_create_intermediate_group(links, 1);
  return {H5Pcopy(links), H5Pclose};
}

/// Without the time of writing, so that equal state gives equal files.
Object dataset_settings() {
  const hid_t settings = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_obj_track_times(settings, false);
  return {settings, H5Pclose};
}

}  // namespace

std::string dataset_path(const std::string& name) {
  std::string path = "/";
  bool empty_part = true;
  for (const char c : name) {
    require(static_cast<unsigned char>(c) > ' ' && c != '/' && c != '\x7f',
            "checkpoint: tensor name \"" + name + "\" has a blank, a '/' or a control character");
    require(c != '.' || !empty_part, "checkpoint: tensor name \"" + name + "\" has an empty part");
    empty_part = c == '.';
    path += empty_part ? '/' : c;
  }
  require(!empty_part, "checkpoint: tensor name \"" + name + "\" has an empty part");
  return path;
}

Hdf5File Hdf5File::create(const std::string& path) {
  const std::lock_guard guard(library);
  be_quiet();
  return {path, check(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), path, "make the file")};
}

Hdf5File Hdf5File::create_in_memory(const std::string& path) {
  const std::lock_guard guard(library);
  be_quiet();
  const Object access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  check(H5Pset_fapl_core(access, std::size_t{1} << 16, false), path, "work in memory");
  return {path, check(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access), path, "make the file in memory")};
}

Hdf5File Hdf5File::open(const std::string& path) {
  const std::lock_guard guard(library);
  be_quiet();
  return {path, check(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), path, "open the file")};
}

Hdf5File::Hdf5File(Hdf5File&& other) noexcept : path_(std::move(other.path_)), id_(std::exchange(other.id_, -1)) {}

Hdf5File::~Hdf5File() {
  const std::lock_guard guard(library);
  if (id_ >= 0) H5Fclose(id_);
}

void Hdf5File::close() {
  const std::lock_guard guard(library);
  check(H5Fclose(std::exchange(id_, -1)), path_, "close the file");
}

std::uint64_t Hdf5File::declare(const TensorInfo& tensor) {
  const std::lock_guard guard(library);
  const Object links = making_groups();
  const Object layout = dataset_settings();
  H5Pset_alloc_time(layout, H5D_ALLOC_TIME_EARLY);
  H5Pset_fill_time(layout, H5D_FILL_TIME_NEVER);
  const Object space = make_space(tensor, path_);
  const Object dataset(check(H5Dcreate2(id_, dataset_path(tensor.name).c_str(), stored_type(tensor.type), space, links,
                                        layout, H5P_DEFAULT),
                             path_, ("make tensor " + tensor.name).c_str()),
                       H5Dclose);
  write_attribute(dataset, "name", tensor.name, path_);
  write_attribute(dataset, "dtype", name(tensor.type), path_);
  const haddr_t offset = H5Dget_offset(dataset);
  return offset == HADDR_UNDEF ? 0 : offset;
}

void Hdf5File::read(const TensorInfo& tensor, void* into) {
  const std::lock_guard guard(library);
  const std::string doing = "read tensor " + tensor.name;
  const Object dataset(check(H5Dopen2(id_, dataset_path(tensor.name).c_str(), H5P_DEFAULT), path_, doing.c_str()),
                       H5Dclose);
  const Object stored(check(H5Dget_type(dataset), path_, doing.c_str()), H5Tclose);
  const Object space(check(H5Dget_space(dataset), path_, doing.c_str()), H5Sclose);
  const Object wanted = make_space(tensor, path_);
  require(H5Tequal(stored, stored_type(tensor.type)) > 0 && H5Sextent_equal(space, wanted) > 0,
          path_ + ": tensor " + tensor.name + " differs from the manifest in type or shape");
  check(H5Dread(dataset, stored, H5S_ALL, H5S_ALL, H5P_DEFAULT, into), path_, doing.c_str());
}

void Hdf5File::write_text(const std::string& name, const std::string& text) {
  const std::lock_guard guard(library);
  const Object type = text_type(text.size(), path_);
  const Object space(H5Screate(H5S_SCALAR), H5Sclose);
  const Object settings = dataset_settings();
  const Object dataset(
      check(H5Dcreate2(id_, name.c_str(), type, space, H5P_DEFAULT, settings, H5P_DEFAULT), path_, name.c_str()),
      H5Dclose);
  check(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, text.c_str()), path_, name.c_str());
}

std::string Hdf5File::read_text(const std::string& name) {
  const std::lock_guard guard(library);
  const std::string doing = "read " + name;
  const Object dataset(check(H5Dopen2(id_, name.c_str(), H5P_DEFAULT), path_, doing.c_str()), H5Dclose);
  const Object type(check(H5Dget_type(dataset), path_, doing.c_str()), H5Tclose);
  require(H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) == 0, path_ + ": " + name + " is not a text");
  std::string text(H5Tget_size(type), '\0');
  check(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, text.data()), path_, doing.c_str());
  text.pop_back();  // the stored terminator
  return text;
}

std::vector<std::byte> Hdf5File::image() {
  const std::lock_guard guard(library);
  check(H5Fflush(id_, H5F_SCOPE_GLOBAL), path_, "flush");
  const auto size = check(H5Fget_file_image(id_, nullptr, 0), path_, "measure the image");
  std::vector<std::byte> bytes(static_cast<std::size_t>(size));
  check(H5Fget_file_image(id_, bytes.data(), bytes.size()), path_, "take the image");
  return bytes;
}

}  // namespace clawrl
