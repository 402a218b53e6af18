#include "app/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "app/console.h"

namespace eph::app {

ProgressLine::ProgressLine() : visible_(stderr_is_terminal()) {}

ProgressLine::~ProgressLine() {
  if (!drawn_) return;
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
}

void ProgressLine::show(double share, const std::string& text) {
  if (!visible_) return;
  const std::lock_guard lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (drawn_ && now - last_ < std::chrono::milliseconds(100)) return;
  last_ = now;
  drawn_ = true;
  std::string line = "\r\033[K";
  if (share >= 0) {
    constexpr int kWidth = 30;
    const int full = static_cast<int>(std::clamp(share, 0.0, 1.0) * kWidth);
    line += fmt::format("[{}{}] {:3.0f} %  ", std::string(static_cast<std::size_t>(full), '#'),
                        std::string(static_cast<std::size_t>(kWidth - full), '.'),
                        std::clamp(share, 0.0, 1.0) * 100);
  }
  line += text.substr(0, 60);
  std::fputs(line.c_str(), stderr);
  std::fflush(stderr);
}

}  // namespace eph::app
