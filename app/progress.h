#pragma once
// A progress line on stderr, only when that is a terminal.
#include <chrono>
#include <mutex>
#include <string>

namespace eph::app {

// Thread safe. The line is redrawn at most ten times a second and wiped by the destructor.
class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  [[nodiscard]] bool visible() const { return visible_; }
  // `share` in 0..1 draws a bar; below 0 it is not known and only the text is shown.
  void show(double share, const std::string& text);

 private:
  bool visible_;
  bool drawn_ = false;
  std::mutex mutex_;
  std::chrono::steady_clock::time_point last_{};
};

}  // namespace eph::app
