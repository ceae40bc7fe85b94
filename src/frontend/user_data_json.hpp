#pragma once
// JSON of POST /v1/user_data/export and /erase.

#include <string>
#include <string_view>

#include "frontend/user_data.hpp"

namespace clawrl {

/// {"user": ..., "key": ..., "session_id": ..., "after": 0, "limit": 100}. Throws RequestError. `own_key`: of a caller
/// that may ask for its own data only, else empty.
UserDataRequest parse_user_data_request(std::string_view body, const std::string& own_key);

std::string format_export(const UserExport& data);
std::string format_erasure(const ErasureReport& report);

}  // namespace clawrl
