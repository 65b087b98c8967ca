// SPDX-License-Identifier: Apache-2.0
#include "entente/effects/site/test_nginx.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <thread>

#include "entente/crypto/age.h"

namespace entente::effects::site {

namespace {

constexpr const char* kNginx = "/usr/sbin/nginx";

std::uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* plain = reinterpret_cast<sockaddr*>(&address);
  check(::bind(fd, plain, size) == 0 && ::getsockname(fd, plain, &size) == 0, "no port");
  ::close(fd);
  return ntohs(address.sin_port);
}

http::ClientOptions loopback() {
  http::ClientOptions out;
  out.allow_private_addresses = true;
  out.allow_plain_http = true;
  return out;
}

void write_file(const std::filesystem::path& path, std::string_view bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  check(out.good(), "cannot write a test file");
}

}  // namespace

TestSite::TestSite() : client_(loopback()) {
  check(std::filesystem::exists(kNginx), "these tests need nginx-light");
  std::string name = (std::filesystem::temp_directory_path() / "entente-site-XXXXXX").string();
  check(::mkdtemp(name.data()) != nullptr, "cannot make a folder for a test");
  folder = name;
  root = folder / "www";
  std::filesystem::create_directories(root);
  std::filesystem::create_directories(folder / "nginx" / "tmp");
  check(crypto::AgeIdentity::generate(random).save(folder / "identity").has_value(), "no identity");
  const std::uint16_t port = free_port();
  options.content_root = root;
  options.public_base = "http://127.0.0.1:" + std::to_string(port);
  options.blocked_map = folder / "blocked.map";
  options.nginx_pid = folder / "nginx" / "nginx.pid";
  options.sealed_dir = folder / "sealed";
  options.seal_identity = folder / "identity";
  options.platform_url = "https://photos.example/";
  options.public_wait = std::chrono::milliseconds(20'000);  // a busy machine is no failure
  site = reopen();
  write_file(folder / "nginx" / "nginx.conf",
             nginx_conf(options, port, folder / "nginx", {false, ::geteuid() == 0 ? "root" : ""}));
  start_nginx(port);
}

TestSite::~TestSite() {
  if (nginx_ > 0) {
    ::kill(nginx_, SIGTERM);
    ::waitpid(nginx_, nullptr, 0);
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
}

void TestSite::start_nginx(std::uint16_t port) {
  const std::string conf = (folder / "nginx" / "nginx.conf").string();
  const std::string prefix = (folder / "nginx").string() + "/";
  const std::string log = (folder / "nginx" / "error.log").string();
  nginx_ = ::fork();
  check(nginx_ >= 0, "cannot fork");
  if (nginx_ == 0) {
    const int quiet = ::open("/dev/null", O_RDWR);
    ::dup2(quiet, 0);
    ::dup2(quiet, 1);
    ::dup2(quiet, 2);
    ::execl(kNginx, "nginx", "-e", log.c_str(), "-p", prefix.c_str(), "-c", conf.c_str(), nullptr);
    ::_exit(127);
  }
  for (int i = 0; i < 500; ++i) {
    http::ClientRequest request;
    request.url = "http://127.0.0.1:" + std::to_string(port) + "/";
    if (client_.send(request) && std::filesystem::exists(options.nginx_pid)) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  std::ifstream in(log);
  const std::string said{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  check(false, "nginx did not start: " + said);
}

void TestSite::put(const std::string& name, std::string_view bytes) {
  write_file(root / name, bytes);
}

http::ClientResponse TestSite::get(const std::string& path, const std::string& host) {
  http::ClientRequest request;
  request.url = url(path);
  request.headers.emplace_back("Connection", "close");
  if (!host.empty()) request.headers.emplace_back("Host", host);
  auto out = client_.send(request);
  check(out.has_value(), out ? "" : to_string(out.error()));
  return *std::move(out);
}

std::unique_ptr<Site> TestSite::reopen(std::function<void(std::string_view)> at_point) {
  SiteOptions mine = options;
  mine.at_point = std::move(at_point);
  auto out = Site::open(mine, random, clock);
  check(out.has_value(), out ? "" : to_string(out.error()));
  return *std::move(out);
}

int TestSite::done(const std::string& effect, const std::vector<std::string>& keys) {
  int out = 0;
  for (const std::string& key : keys) {
    const auto lines = site->journal(key);
    check(lines.has_value(), "no journal");
    for (const Done& line : *lines) out += line.effect == effect && !line.found ? 1 : 0;
  }
  return out;
}

}  // namespace entente::effects::site
