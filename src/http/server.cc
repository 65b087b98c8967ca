// SPDX-License-Identifier: Apache-2.0
#include "entente/http/server.h"

#include <atomic>
#include <unordered_map>

#include "entente/core/time.h"
#include "entente/http/session.h"

namespace entente::http {
namespace {

using Timer = asio::basic_waitable_timer<SteadyClock, asio::wait_traits<SteadyClock>, IoExecutor>;
using Acceptor = asio::basic_socket_acceptor<Tcp, IoExecutor>;

// One second is fine enough for deadlines of ten, and one timer serves all connections.
constexpr std::chrono::seconds kTick{1};

// An IPv4 address, or the /64 of an IPv6 one: who has one address of a /64 has them all.
std::string address_key(const asio::ip::address& address) {
  if (address.is_v4()) return address.to_string();
  const asio::ip::address_v6 v6 = address.to_v6();
  if (v6.is_v4_mapped()) return asio::ip::make_address_v4(asio::ip::v4_mapped, v6).to_string();
  const auto bytes = v6.to_bytes();
  return std::string(reinterpret_cast<const char*>(bytes.data()), 8);
}

class ServerImpl final : public Server, public EventHub, public SessionHost {
 public:
  ServerImpl(const Router& router, ServerOptions options)
      : router_(router), limits_(options.limits), options_(std::move(options)) {}

  ~ServerImpl() override {
    // Workers first: a handler that still runs posts its answer to io_, which must be there to drop
    // it.
    db_.stop();
    cpu_.stop();
    sessions_.clear();
  }

  Result<void> bind();
  std::uint16_t port() const override { return port_; }
  EventHub& events() override { return *this; }
  void run() override;
  void stop() override {
    asio::post(io_, [this] { begin_drain(); });
  }
  void publish(std::string_view topic, std::string_view event, std::string_view data) override;

 private:
  const Router& router() const override { return router_; }
  const ServerLimits& limits() const override { return limits_; }
  WorkerPool& pool(Pool which) override { return which == Pool::kCpu ? cpu_ : db_; }
  const std::string& date() const override { return date_; }
  bool draining() const override { return draining_; }
  asio::io_context& io() override { return io_; }
  void subscribe(const std::string& topic, SessionBase& session) override;
  void unsubscribe(const std::string& topic, SessionBase& session) override;
  void remove(SessionBase& session) override;

  void accept();
  void admit(TcpSocket socket);
  void tick();
  void begin_drain();

  const Router& router_;
  const ServerLimits limits_;
  const ServerOptions options_;
  std::uint16_t port_ = 0;
  std::atomic<std::size_t> subscribers_{0};
  std::atomic<std::uint64_t> event_id_{0};

  // The I/O thread's.
  std::string date_;
  bool draining_ = false;
  bool accepting_ = false;
  Deadline drain_deadline_ = Deadline::max();
  std::vector<std::shared_ptr<SessionBase>> sessions_;
  std::unordered_map<std::string, std::size_t> per_address_;
  std::unordered_map<std::string, std::vector<SessionBase*>> topics_;

  asio::io_context io_{1};
  Acceptor acceptor_{io_};
  Timer ticker_{io_};
  WorkerPool db_{limits_.db_workers, limits_.max_queued};
  WorkerPool cpu_{limits_.cpu_workers, limits_.max_queued};
};

Result<void> ServerImpl::bind() {
  ErrorCode ec;
  const auto address = asio::ip::make_address(options_.address, ec);
  if (ec) return fail(Code::kInvalid, "not an IP address: " + options_.address, "address");
  const Tcp::endpoint endpoint(address, options_.port);
  acceptor_.open(endpoint.protocol(), ec);
  if (!ec) acceptor_.set_option(asio::socket_base::reuse_address(true), ec);
  if (!ec) acceptor_.bind(endpoint, ec);
  if (!ec) acceptor_.listen(asio::socket_base::max_listen_connections, ec);
  if (!ec) port_ = acceptor_.local_endpoint(ec).port();
  if (ec)
    return fail(Code::kUnavailable, "cannot listen on " + options_.address + " port " +
                                        std::to_string(options_.port) + ": " + ec.message());
  return {};
}

void ServerImpl::run() {
  tick();
  accept();
  for (;;) {
    try {
      io_.run();
      return;
    } catch (const std::exception& e) {
      // No memory, in all likelihood. The connection at fault stays silent until its deadline takes
      // it.
      log::error("http.io_failed", {{"what", e.what()}});
    }
  }
}

void ServerImpl::accept() {
  if (draining_ || !acceptor_.is_open()) return;
  accepting_ = true;
  acceptor_.async_accept([this](ErrorCode ec, TcpSocket socket) {
    accepting_ = false;
    if (ec == asio::error::operation_aborted) return;
    if (ec) {
      // Out of descriptors, usually: the ticker tries again instead of spinning.
      log::warn("http.accept_failed", {{"why", ec.message()}});
      return;
    }
    admit(std::move(socket));
    accept();
  });
}

void ServerImpl::admit(TcpSocket socket) {
  ErrorCode ec;
  const auto remote = socket.remote_endpoint(ec);
  if (ec) return;  // gone already
  std::string key = address_key(remote.address());
  std::size_t& count = per_address_[key];
  if (sessions_.size() >= limits_.max_connections || count >= limits_.max_connections_per_ip) {
    if (count == 0) per_address_.erase(key);
    log::debug("http.connection_refused", {{"open", sessions_.size()}});
    return;  // the socket closes: answering would cost more than the attacker pays
  }
  ++count;
  socket.set_option(Tcp::no_delay(true), ec);
  auto session =
      std::make_shared<Session<TcpSocket>>(*this, std::move(socket), remote.address().to_string());
  session->slot = sessions_.size();
  session->address_key = std::move(key);
  sessions_.push_back(session);
  session->start();
}

void ServerImpl::remove(SessionBase& session) {
  const auto count = per_address_.find(session.address_key);
  if (count != per_address_.end() && --count->second == 0) per_address_.erase(count);
  const std::size_t slot = session.slot;
  std::swap(sessions_[slot], sessions_.back());
  sessions_[slot]->slot = slot;
  sessions_.pop_back();
  if (draining_ && sessions_.empty()) ticker_.cancel();
}

void ServerImpl::tick() {
  const Deadline now = SteadyClock::now();
  date_ = http_date(to_ms(SystemClock().now()) / 1000);
  // Backwards: closing swaps the last one, which was already visited, into the place of the closed
  // one.
  for (std::size_t i = sessions_.size(); i-- > 0;) {
    const std::shared_ptr<SessionBase> session = sessions_[i];
    if (now >= drain_deadline_) {
      session->close();
    } else {
      session->tick(now);
    }
  }
  if (draining_ && sessions_.empty()) return;
  if (!accepting_) accept();
  ticker_.expires_after(kTick);
  ticker_.async_wait([this](ErrorCode ec) {
    if (!ec) tick();
  });
}

void ServerImpl::begin_drain() {
  if (draining_) return;
  draining_ = true;
  drain_deadline_ = SteadyClock::now() + limits_.drain_time;
  ErrorCode ignored;
  acceptor_.close(ignored);
  log::info("http.draining", {{"connections", sessions_.size()}});
  for (std::size_t i = sessions_.size(); i-- > 0;) {
    const std::shared_ptr<SessionBase> session = sessions_[i];
    session->begin_drain();
  }
  if (sessions_.empty()) ticker_.cancel();
}

void ServerImpl::subscribe(const std::string& topic, SessionBase& session) {
  topics_[topic].push_back(&session);
  subscribers_.fetch_add(1);
}

void ServerImpl::unsubscribe(const std::string& topic, SessionBase& session) {
  const auto found = topics_.find(topic);
  if (found == topics_.end()) return;
  std::vector<SessionBase*>& all = found->second;
  const auto it = std::find(all.begin(), all.end(), &session);
  if (it == all.end()) return;
  *it = all.back();
  all.pop_back();
  subscribers_.fetch_sub(1);
  // An emptied list stays until the next publication: publish() may be walking it now.
}

void ServerImpl::publish(std::string_view topic, std::string_view event, std::string_view data) {
  if (subscribers_.load() == 0) return;
  Frame frame = std::make_shared<const std::string>(event_frame(++event_id_, event, data));
  asio::post(io_, [this, name = std::string(topic), shared = std::move(frame)] {
    const auto found = topics_.find(name);
    if (found == topics_.end()) return;
    std::vector<SessionBase*>& all = found->second;
    for (std::size_t i = all.size(); i-- > 0;) all[i]->deliver(shared);
    if (all.empty()) topics_.erase(found);
  });
}

}  // namespace

Result<std::unique_ptr<Server>> Server::create(const Router& router, ServerOptions options) {
  auto server = std::make_unique<ServerImpl>(router, std::move(options));
  ENTENTE_CHECK_OK(server->bind());
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace entente::http
