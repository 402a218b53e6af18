#pragma once
// What the processes of a run say to each other: a kind and some texts.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace eph::jobs {

enum class MessageKind : char {
  hello = 'h',    // to the leader: identity of the tasks, threads
  decline = 'x',  // to the leader: cannot take part; an error
  task = 't',     // to a helper: number, then keys and values it may find in its memo
  record = 'r',   // to the leader: key, value, about
  done = 'd',     // to the leader: number, result
  failed = 'f',   // to the leader: number, an error
  broken = 'b',   // to the leader: number, what an exception said
  stop = 's'      // to a helper
};

struct Message {
  MessageKind kind{};
  std::vector<std::string> texts;
};

[[nodiscard]] std::string pack(const Message& message);
// Nothing when it was not made by pack().
[[nodiscard]] std::optional<Message> unpack(std::string_view bytes);

// An error as texts to append, and back from those at `first`.
void append_error(std::vector<std::string>& texts, const Error& error);
[[nodiscard]] Error read_error(const std::vector<std::string>& texts, std::size_t first);

}  // namespace eph::jobs
