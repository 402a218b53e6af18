#include "tests/support/program.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace eph::test {

namespace {

void redirect(int target, const std::string& path, int flags) {
  const int file = open(path.c_str(), flags, 0600);
  if (file < 0 || dup2(file, target) < 0) _exit(126);
  close(file);
}

}  // namespace

std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

void spill(const std::string& path, std::string_view content) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(content.data(), static_cast<std::streamsize>(content.size()));
  if (!out) throw std::runtime_error("cannot write " + path);
}

Finished run_program(const std::string& program, const std::vector<std::string>& words,
                     const std::vector<std::string>& environment) {
  static std::atomic<int> counter{0};  // tests of one binary share the folder
  const std::string base = std::string(EPH_TEST_OUT) + "/run_" + std::to_string(getpid()) + "_" +
                           std::to_string(counter++);
  const auto start = std::chrono::steady_clock::now();
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("fork failed");
  if (child == 0) {
    redirect(STDIN_FILENO, "/dev/null", O_RDONLY);
    redirect(STDOUT_FILENO, base + ".out", O_WRONLY | O_CREAT | O_TRUNC);
    redirect(STDERR_FILENO, base + ".err", O_WRONLY | O_CREAT | O_TRUNC);
    for (const std::string& setting : environment) putenv(const_cast<char*>(setting.c_str()));
    std::vector<char*> argv{const_cast<char*>(program.c_str())};
    for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    execv(program.c_str(), argv.data());
    _exit(127);
  }
  int status = 0;
  rusage usage{};
  if (wait4(child, &status, 0, &usage) != child) throw std::runtime_error("wait4 failed");
  Finished done;
  done.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  done.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  done.out = slurp(base + ".out");
  done.err = slurp(base + ".err");
  done.peak_kib = usage.ru_maxrss;
  unlink((base + ".out").c_str());
  unlink((base + ".err").c_str());
  return done;
}

}  // namespace eph::test
