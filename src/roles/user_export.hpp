#pragma once
// A user's turns with all that hangs on them.

#include "frontend/user_data.hpp"
#include "journal/journal_reader.hpp"

namespace clawrl {

/// At most `wanted.limit` turns and about 32 MiB of text; next_after says where to go on.
UserExport read_user(const JournalReader& journal, TurnSelection wanted);

}  // namespace clawrl
