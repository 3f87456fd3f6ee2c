// Launches tasks that do nothing on Mesos through the bridge, and sees them finish: all that a scheduler has to do, with
// nothing but the stubs. The exit status is 0 if all tasks finished, 1 if not, 2 if it was called wrongly.

#include <getopt.h>
#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <grpcpp/grpcpp.h>
#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "access.h"
#include "mesosbridge/v1/scheduler.grpc.pb.h"
#include "reasons.h"

namespace {

namespace bridge = mesosbridge::v1;
namespace mesos1 = mesos::v1;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

struct Options {
  std::string bridge = "127.0.0.1:50051";
  Access access = {FromEnvironment("MESOS_BRIDGE_CA"), FromEnvironment("MESOS_BRIDGE_CERT"),
                   FromEnvironment("MESOS_BRIDGE_KEY"), FromEnvironment("MESOS_BRIDGE_TOKEN_FILE")};
  std::string framework_name;
  bool standby = false;
  std::string user = "root";
  std::string role = "*";
  std::string command = "true";
  int tasks = 5;
  int retries = 3;
  int give_up_after = 60;
};

// The reason of google.rpc.ErrorInfo, as in docs/errors.md; empty when the connection failed, or a proxy answered.
std::string ReasonOf(const grpc::Status& status) {
  google::rpc::Status details;
  if (!details.ParseFromString(status.error_details())) return "";
  for (const auto& detail : details.details()) {
    google::rpc::ErrorInfo info;
    if (detail.UnpackTo(&info) && info.domain() == "mesosbridge") return info.reason();
  }
  return "";
}

// True where the same may go well later.
bool IsRetryable(const grpc::Status& status) {
  static const std::set<grpc::StatusCode> transport = {grpc::UNAVAILABLE, grpc::CANCELLED, grpc::INTERNAL,
                                                       grpc::UNKNOWN,     grpc::ABORTED,   grpc::DEADLINE_EXCEEDED};
  const std::string reason = ReasonOf(status);
  if (reason.empty()) return transport.count(status.error_code()) > 0;
  return reason::kLater.count(reason) > 0 || (status.error_code() == grpc::UNAVAILABLE && reason != reason::OUTCOME_UNKNOWN);
}

// True where Mesos may or may not have got the call: reconcile before doing it again.
bool IsOutcomeUnknown(const grpc::Status& status) {
  const std::string reason = ReasonOf(status);
  return reason == reason::OUTCOME_UNKNOWN || (reason.empty() && IsRetryable(status));
}

std::shared_ptr<grpc::Channel> OpenChannel(const Options& options) {
  grpc::ChannelArguments arguments;
  // gRPC would take a proxy from the environment, which is meant for the web and seldom knows the way to a bridge.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // A single offer may be larger than gRPC's own limit of 4 MiB.
  arguments.SetMaxReceiveMessageSize(256 << 20);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 20'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // Attaching again has waits of its own; the channel's must not come on top of them.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2'000);
  const auto credentials = CredentialsOf(options.access, options.bridge);
  return grpc::CreateCustomChannel(options.bridge, credentials, arguments);
}

std::mt19937_64& Random() {
  static std::mt19937_64 random{std::random_device{}()};
  return random;
}

// The calls that this program makes, each in the name of the attachment that is there.
class Calls {
 public:
  explicit Calls(const Options& options)
      : channel_(OpenChannel(options)),
        stub_(bridge::SchedulerService::NewStub(channel_)),
        framework_name_(options.framework_name),
        token_file_(options.access.token_file) {}

  bridge::SchedulerService::Stub& stub() { return *stub_; }

  // Waits for a connection, no longer than that. Calls that fail at once do not move gRPC's C core to connect: without
  // someone who waits it looks only every 5 s what became of it.
  void WaitForConnection(milliseconds duration) {
    channel_->WaitForConnected(std::chrono::system_clock::now() + duration);
  }

  // Says who calls.
  grpc::Status Identify(grpc::ClientContext* context) const {
    if (token_file_.empty()) return grpc::Status::OK;
    std::string token;
    const grpc::Status status = ReadToken(token_file_, &token);
    if (status.ok()) context->AddMetadata("authorization", "Bearer " + token);
    return status;
  }

  // True where the next try may have another token.
  bool MayHaveFreshToken(const grpc::Status& status) const {
    return status.error_code() == grpc::UNAUTHENTICATED && !token_file_.empty();
  }

  void set_attachment(const std::string& id) {
    std::lock_guard<std::mutex> lock(mutex_);
    attachment_id_ = id;
  }

  // Sends a request with its header. Of a second one with the same request id the bridge would only repeat the answer.
  template <typename Request, typename Response>
  grpc::Status Send(grpc::Status (bridge::SchedulerService::Stub::*method)(grpc::ClientContext*, const Request&,
                                                                           Response*),
                    Request request, seconds timeout = seconds(30)) {
    auto* header = request.mutable_header();
    header->set_framework_name(framework_name_);
    header->set_request_id(std::to_string(Random()()));
    {
      std::lock_guard<std::mutex> lock(mutex_);
      header->set_attachment_id(attachment_id_);
    }
    const grpc::Status status = SendOnce<Request, Response>(method, request, timeout);
    return MayHaveFreshToken(status) ? SendOnce<Request, Response>(method, request, timeout) : status;
  }

 private:
  template <typename Request, typename Response>
  grpc::Status SendOnce(grpc::Status (bridge::SchedulerService::Stub::*method)(grpc::ClientContext*, const Request&,
                                                                               Response*),
                        const Request& request, seconds timeout) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + timeout);
    const grpc::Status status = Identify(&context);
    Response response;
    return status.ok() ? (stub_.get()->*method)(&context, request, &response) : status;
  }

  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<bridge::SchedulerService::Stub> stub_;
  const std::string framework_name_;
  const std::string token_file_;
  std::mutex mutex_;
  std::string attachment_id_;
};

// Takes an amount of a resource out of those offered, which keep role, reservation and allocation: Mesos refuses a task
// whose resources are not those of the offer. In thousandths, as Mesos counts.
bool Take(std::vector<mesos1::Resource>& left, const std::string& name, int64_t amount,
          google::protobuf::RepeatedPtrField<mesos1::Resource>* taken) {
  for (auto& resource : left) {
    if (resource.name() != name || !resource.has_scalar() || resource.has_revocable()) continue;
    const auto there = static_cast<int64_t>(resource.scalar().value() * 1000 + 0.5);
    const int64_t part = std::min(there, amount);
    if (part == 0) continue;
    mesos1::Resource* piece = taken->Add();
    *piece = resource;
    piece->mutable_scalar()->set_value(static_cast<double>(part) / 1000);
    resource.mutable_scalar()->set_value(static_cast<double>(there - part) / 1000);
    amount -= part;
  }
  return amount == 0;
}

struct Task {
  int number;
  int attempts = 0;
};

// The tasks to run, and what became of them.
class Tasks {
 public:
  Tasks(Calls& calls, const Options& options)
      : calls_(calls), command_(options.command), retries_(options.retries) {
    for (int number = 1; number <= options.tasks; ++number) waiting_.push_back({number});
  }

  bool done() const { return waiting_.empty() && running_.empty(); }
  int finished() const { return finished_; }
  int failed() const { return failed_; }

  // Each gives OK, or an error that ends the program.

  grpc::Status OnOffer(const mesos1::Offer& offer) {
    std::vector<mesos1::Resource> left(offer.resources().begin(), offer.resources().end());
    bridge::LaunchTasksRequest request;
    *request.add_offer_ids() = offer.id();
    request.mutable_filters()->set_refuse_seconds(600);
    for (const Task& task : waiting_) {
      mesos1::TaskInfo info;
      if (!Take(left, "cpus", 100, info.mutable_resources()) || !Take(left, "mem", 32'000, info.mutable_resources())) {
        break;
      }
      info.set_name("empty task " + std::to_string(task.number));
      info.mutable_task_id()->set_value("empty-" + run_ + "-" + std::to_string(task.number) + "-" +
                                        std::to_string(task.attempts + 1));
      *info.mutable_agent_id() = offer.agent_id();
      info.mutable_command()->set_shell(true);
      info.mutable_command()->set_value(command_);
      *request.add_tasks() = info;
    }
    return request.tasks().empty() ? Decline(offer) : Launch(request);
  }

  grpc::Status OnUpdate(const mesos1::TaskStatus& status) {
    const auto found = running_.find(status.task_id().value());
    if (found == running_.end()) return grpc::Status::OK;
    Task task = found->second;
    switch (status.state()) {
      case mesos1::TASK_STAGING:
      case mesos1::TASK_STARTING:
      case mesos1::TASK_RUNNING:
      case mesos1::TASK_KILLING:
        return grpc::Status::OK;
      case mesos1::TASK_FINISHED:
        running_.erase(found);
        ++finished_;
        std::cout << "task " << task.number << " finished" << std::endl;
        return grpc::Status::OK;
      default:
        running_.erase(found);
        return OnBadEnd(task, status);
    }
  }

  // Asks what became of the tasks that should run. The answers are updates.
  grpc::Status Reconcile() {
    bridge::ReconcileTasksRequest request;
    for (const auto& [id, task] : running_) request.add_tasks()->mutable_task_id()->set_value(id);
    if (request.tasks().empty()) return grpc::Status::OK;
    return Tolerate(calls_.Send(&bridge::SchedulerService::Stub::ReconcileTasks, request));
  }

 private:
  grpc::Status Decline(const mesos1::Offer& offer) {
    bridge::DeclineOffersRequest request;
    *request.add_offer_ids() = offer.id();
    // What is not used is not wanted again soon: the framework asks when it wants more.
    request.mutable_filters()->set_refuse_seconds(600);
    return Tolerate(calls_.Send(&bridge::SchedulerService::Stub::DeclineOffers, request));
  }

  grpc::Status Launch(const bridge::LaunchTasksRequest& request) {
    const grpc::Status status = calls_.Send(&bridge::SchedulerService::Stub::LaunchTasks, request);
    const std::string reason = ReasonOf(status);
    // Nothing was launched. A gone offer is not the tasks' fault, nor is another instance that is active now; more
    // offers come by themselves.
    if (reason == reason::OFFER_GONE || reason == reason::ATTACHMENT_SUPERSEDED) return grpc::Status::OK;
    if (!status.ok() && !IsOutcomeUnknown(status)) return Tolerate(status);
    for (const auto& info : request.tasks()) {
      Task task = waiting_.front();
      waiting_.pop_front();
      ++task.attempts;
      running_[info.task_id().value()] = task;
    }
    // Perhaps they run: then an update comes, or the answer to a reconciliation.
    if (!status.ok()) return Reconcile();
    std::cout << "launched " << request.tasks_size() << " on agent " << request.tasks(0).agent_id().value()
              << std::endl;
    return grpc::Status::OK;
  }

  grpc::Status OnBadEnd(Task task, const mesos1::TaskStatus& status) {
    static const std::set<mesos1::TaskState> lost = {
        mesos1::TASK_LOST, mesos1::TASK_DROPPED,          mesos1::TASK_UNREACHABLE,
        mesos1::TASK_GONE, mesos1::TASK_GONE_BY_OPERATOR, mesos1::TASK_UNKNOWN};
    const std::string what =
        status.task_id().value() + ": " + mesos1::TaskState_Name(status.state()) + ": " + status.message();
    if (lost.count(status.state()) == 0 || task.attempts > retries_) {
      ++failed_;
      std::cout << "task " << task.number << " failed: " << what << std::endl;
      return grpc::Status::OK;
    }
    std::cout << "task " << task.number << " is launched again: " << what << std::endl;
    waiting_.push_back(task);
    return Tolerate(calls_.Send(&bridge::SchedulerService::Stub::ReviveOffers, bridge::ReviveOffersRequest()));
  }

  // Goes on after what may be well again later.
  static grpc::Status Tolerate(const grpc::Status& status) {
    if (status.ok()) return status;
    // Of another attachment of ours: the stream that breaks next tells more.
    if (!IsRetryable(status) && !IsOutcomeUnknown(status) && ReasonOf(status) != reason::NOT_ATTACHED) return status;
    std::cerr << status.error_message() << std::endl;
    return grpc::Status::OK;
  }

  Calls& calls_;
  const std::string command_;
  const int retries_;
  // Distinguishes the task ids of this run from those of earlier ones of the same framework.
  const std::string run_ = std::to_string(std::chrono::system_clock::now().time_since_epoch().count());
  std::deque<Task> waiting_;
  std::map<std::string, Task> running_;
  int finished_ = 0;
  int failed_ = 0;
};

// Set when the program is told to end.
std::atomic<bool> ending{false};

// Set while this instance drives the framework.
std::atomic<bool> active{false};

// Sleeps that long. A program that is told to end sleeps only a moment: it needs an attachment to end its framework.
void Pause(milliseconds duration) {
  const Clock::time_point end = Clock::now() + duration;
  do {
    std::this_thread::sleep_for(std::min(duration, milliseconds(100)));
  } while (!ending && Clock::now() < end);
}

// Ends the framework in Mesos. While the bridge is away, or has come back and does not know our attachment yet, it tries
// again.
grpc::Status Teardown(Calls& calls, seconds timeout) {
  const Clock::time_point end = Clock::now() + timeout;
  for (;;) {
    const grpc::Status status = calls.Send(&bridge::SchedulerService::Stub::Teardown, bridge::TeardownRequest(), timeout);
    const bool again = IsRetryable(status) || IsOutcomeUnknown(status) || reason::kAttached.count(ReasonOf(status)) > 0;
    if (status.ok() || !again || Clock::now() > end) return status;
    std::this_thread::sleep_for(milliseconds(200));
  }
}

// Reads Subscribe streams, one after the other, until all tasks have ended.
class Scheduler {
 public:
  Scheduler(Calls& calls, Tasks& tasks, const Options& options)
      : calls_(calls), tasks_(tasks), options_(options) {
    request_.set_framework_name(options.framework_name);
    auto* info = request_.mutable_framework_info();
    info->set_user(options.user);
    // proto2: `name` is required, so it must be set for the message to be sent.
    info->set_name(options.framework_name);
    info->add_roles(options.role);
    info->add_capabilities()->set_type(mesos1::FrameworkInfo::Capability::MULTI_ROLE);
    info->add_capabilities()->set_type(mesos1::FrameworkInfo::Capability::PARTITION_AWARE);
    request_.set_expiry_policy(bridge::EXPIRY_POLICY_TEARDOWN);
    request_.set_replace_removed(true);
    if (options.standby) request_.set_mode(bridge::SUBSCRIBE_MODE_STANDBY);
  }

  // Whether this instance ever drove the framework.
  bool was_active() const { return was_active_; }

  // Returns OK when the tasks have ended, and the framework with them, or the error that a new attachment can't fix.
  grpc::Status Run() {
    Clock::time_point alive = Clock::now();
    bool token_refused = false;
    for (int attempt = 0;;) {
      opened_ = false;
      grpc::Status status = ReadStream();
      if (tasks_.done()) return status;
      active = false;
      if (opened_) {
        alive = Clock::now();
        attempt = 0;
        token_refused = false;
      } else if (!status.ok()) {
        status = Explained(status, options_.bridge, options_.access);
      }
      if (calls_.MayHaveFreshToken(status) && !token_refused) {
        token_refused = true;
        continue;
      }
      const bool late = Clock::now() - alive > seconds(options_.give_up_after);
      if (status.ok() || !MayAttachAgain(status) || late) return status;
      // Once per outage, not with each try.
      if (!lost_) std::cerr << "not attached to the bridge: " << status.error_message() << "; trying again" << std::endl;
      lost_ = true;
      // Exponential, full jitter.
      const double bound = std::min(15'000.0, 100.0 * (1 << std::min(attempt++, 10)));
      Pause(milliseconds(std::uniform_int_distribution<int>(0, static_cast<int>(bound))(Random())));
    }
  }

 private:
  // A standby waits again where another instance has the framework, or may have it.
  bool MayAttachAgain(const grpc::Status& status) const {
    if (IsRetryable(status)) return true;
    const std::string reason = ReasonOf(status);
    return options_.standby &&
           (reason == reason::ATTACHMENT_SUPERSEDED || (confirming_ && reason::kAttached.count(reason) > 0));
  }

  grpc::Status ReadStream() {
    confirming_ = false;
    calls_.WaitForConnection(milliseconds(500));
    grpc::ClientContext context;
    const grpc::Status identified = calls_.Identify(&context);
    if (!identified.ok()) return identified;
    auto reader = calls_.stub().Subscribe(&context, request_);
    bridge::SubscribeResponse response;
    while (reader->Read(&response)) {
      opened_ = true;
      for (const auto& event : response.events()) {
        grpc::Status status = Handle(event);
        if (status.ok()) status = Acknowledge();
        // As long as the stream is there: without it another instance takes over.
        if (tasks_.done()) status = Teardown(calls_, seconds(30));
        if (!status.ok() || tasks_.done()) {
          context.TryCancel();
          reader->Finish();
          return status;
        }
      }
    }
    return reader->Finish();
  }

  grpc::Status Handle(const bridge::SessionEvent& event) {
    if (event.has_opened() && options_.standby) return OpenAsStandby(event);
    if (event.has_opened()) return Open(event.sequence(), event.opened());
    if (event.has_promoted()) return TakeOver(event);
    // A sign of life: the framework's events are for the instance that is active.
    if (!active) return grpc::Status::OK;
    const bool gap = event.sequence() > last_ + 1;
    last_ = event.sequence();
    // A stream that broke before the end of its snapshot needs the snapshot again, and an event all of its pieces.
    complete_ = complete_ || (event.has_progress() && event.progress().snapshot_end());
    if (complete_ && !event.fragment()) {
      request_.mutable_resume()->set_attachment_id(attachment_id_);
      request_.mutable_resume()->set_after_sequence(event.sequence());
    }
    // A sign of life, 15 s after the last event.
    if (event.has_progress() && !event.progress().snapshot_end()) SayThatItWaits();
    grpc::Status status = gap ? tasks_.Reconcile() : grpc::Status::OK;
    if (status.ok() && event.has_mesos()) status = HandleMesos(event.mesos());
    if (!event.ack_token().empty()) owed_.push_back(event.ack_token());
    return status;
  }

  // The request keeps its position to resume at: the promotion may continue there.
  grpc::Status OpenAsStandby(const bridge::SessionEvent& event) {
    // An older bridge has thrown the active instance out, and would do so again with each further try.
    if (event.opened().role() == bridge::ATTACHMENT_ROLE_UNSPECIFIED) {
      return grpc::Status(
          grpc::UNIMPLEMENTED,
          "the bridge does not know standby schedulers: update the bridge, or attach without standby");
    }
    if (event.opened().role() != bridge::ATTACHMENT_ROLE_STANDBY) return Open(event.sequence(), event.opened());
    std::cerr << "standing by" << std::endl;
    lost_ = false;
    return grpc::Status::OK;
  }

  // Confirms a promotion. It counts only if no other instance was promoted meanwhile.
  grpc::Status TakeOver(const bridge::SessionEvent& event) {
    const bridge::Opened& opened = event.promoted().opened();
    calls_.set_attachment(opened.attachment_id());
    confirming_ = true;
    const grpc::Status status = calls_.Send(&bridge::SchedulerService::Stub::ConfirmPromotion,
                                            bridge::ConfirmPromotionRequest(), seconds(15));
    if (!status.ok()) return status;
    confirming_ = false;
    return Open(event.sequence(), opened);
  }

  grpc::Status Open(uint64_t sequence, const bridge::Opened& opened) {
    if (lost_) std::cerr << "attached to the bridge" << std::endl;
    lost_ = false;
    active = was_active_ = true;
    attachment_id_ = opened.attachment_id();
    calls_.set_attachment(attachment_id_);
    if (!opened.resumed()) {
      request_.clear_resume();
      complete_ = false;
      last_ = sequence;
      // What happened meanwhile was perhaps not seen.
      return tasks_.Reconcile();
    }
    request_.mutable_resume()->set_attachment_id(attachment_id_);
    return grpc::Status::OK;
  }

  grpc::Status HandleMesos(const mesos::v1::scheduler::Event& event) {
    switch (event.type()) {
      case mesos::v1::scheduler::Event::OFFERS:
        wants_offers_ = false;
        for (const auto& offer : event.offers().offers()) {
          const grpc::Status status = tasks_.OnOffer(offer);
          if (!status.ok()) return status;
        }
        return grpc::Status::OK;
      case mesos::v1::scheduler::Event::UPDATE:
        return tasks_.OnUpdate(event.update().status());
      case mesos::v1::scheduler::Event::SUBSCRIBED:
        return tasks_.Reconcile();
      default:
        return grpc::Status::OK;
    }
  }

  // Once, and not if there were offers.
  void SayThatItWaits() {
    if (wants_offers_) std::cerr << "attached to the bridge, and waiting for offers" << std::endl;
    wants_offers_ = false;
  }

  // Sends what acknowledgements are owed. They outlive the attachment and the bridge: what fails is sent later.
  grpc::Status Acknowledge() {
    if (owed_.empty() || !active) return grpc::Status::OK;
    bridge::AcknowledgeRequest request;
    for (const auto& token : owed_) request.add_ack_tokens(token);
    const grpc::Status status = calls_.Send(&bridge::SchedulerService::Stub::Acknowledge, request);
    const bool later = IsRetryable(status) || IsOutcomeUnknown(status) || ReasonOf(status) == reason::NOT_ATTACHED;
    if (!later) owed_.clear();
    return later ? grpc::Status::OK : status;
  }

  Calls& calls_;
  Tasks& tasks_;
  const Options& options_;
  // Whether the last stream brought anything.
  bool opened_ = false;
  // Whether it has brought a promotion that is not confirmed yet.
  bool confirming_ = false;
  bool was_active_ = false;
  // Whether it was said that there is no attachment.
  bool lost_ = false;
  bool wants_offers_ = true;
  bridge::SubscribeRequest request_;
  std::string attachment_id_;
  uint64_t last_ = 0;
  bool complete_ = false;
  std::vector<std::string> owed_;
};

constexpr char kVersion[] = "0.1.0";

constexpr char kHelp[] = R"(Usage: empty-tasks [options]

Launches tasks that do nothing on Mesos through the bridge, and sees them finish. The exit status is 0 if all did.

Options:
  --bridge HOST:PORT       the Mesos bridge, or unix:/PATH (default: 127.0.0.1:50051)
  --bridge-ca FILE         the authority of the bridge's certificate, in PEM: use TLS (or MESOS_BRIDGE_CA)
  --bridge-cert FILE       this client's certificate, if the bridge asks for one (or MESOS_BRIDGE_CERT)
  --bridge-key FILE        the key of --bridge-cert (or MESOS_BRIDGE_KEY)
  --bridge-token-file FILE holds the token that says who this client is; read anew for each use
                           (or MESOS_BRIDGE_TOKEN_FILE)
  --framework-name NAME    names this framework's session at the bridge (default: a new name for each run)
  --standby                wait while another instance is active, and take over when it is gone; an interrupt hands over
  --user NAME              the user that tasks run as on the agents (default: you)
  --role ROLE              the Mesos role whose resources are used (default: *)
  --tasks N                how many tasks (default: 5)
  --command COMMAND        the shell command of each task (default: true)
  --retries N              how often a task is launched again when Mesos lost it (default: 3)
  --give-up-after SECONDS  end when the bridge could not be reached for so long (default: 60)
  --version                print the version and end
  --help                   print this and end
)";

int Number(const char* name, const char* text, int least) {
  char* end = nullptr;
  const long value = std::strtol(text, &end, 10);
  if (*text != '\0' && *end == '\0' && value >= least && value <= 1'000'000) return static_cast<int>(value);
  WrongUsage(std::string("--") + name + " must be a whole number of at least " + std::to_string(least));
}

Options Parse(int argc, char** argv) {
  Options options;
  if (const passwd* me = getpwuid(getuid())) options.user = me->pw_name;
  const option known[] = {{"bridge-ca", 1, nullptr, 'A'}, {"bridge-cert", 1, nullptr, 'C'}, {"bridge-key", 1, nullptr, 'K'},
                          {"bridge-token-file", 1, nullptr, 'T'},
                          {"bridge", 1, nullptr, 'b'}, {"framework-name", 1, nullptr, 'f'}, {"user", 1, nullptr, 'u'},
                          {"role", 1, nullptr, 'r'},   {"tasks", 1, nullptr, 't'},          {"retries", 1, nullptr, 'n'},
                          {"command", 1, nullptr, 'c'}, {"give-up-after", 1, nullptr, 'g'}, {"help", 0, nullptr, 'h'},
                          {"version", 0, nullptr, 'v'}, {"standby", 0, nullptr, 's'}, {nullptr, 0, nullptr, 0}};
  for (int flag; (flag = getopt_long(argc, argv, "", known, nullptr)) != -1;) {
    switch (flag) {
      case 'A': options.access.ca = optarg; break;
      case 'C': options.access.cert = optarg; break;
      case 'K': options.access.key = optarg; break;
      case 'T': options.access.token_file = optarg; break;
      case 'b': options.bridge = optarg; break;
      case 'f': options.framework_name = optarg; break;
      case 's': options.standby = true; break;
      case 'u': options.user = optarg; break;
      case 'r': options.role = optarg; break;
      case 't': options.tasks = Number("tasks", optarg, 1); break;
      case 'c': options.command = optarg; break;
      case 'n': options.retries = Number("retries", optarg, 0); break;
      case 'g': options.give_up_after = Number("give-up-after", optarg, 0); break;
      case 'h': std::cout << kHelp; std::exit(0);
      case 'v': std::cout << "empty-tasks " << kVersion << std::endl; std::exit(0);
      default: std::exit(2);
    }
  }
  if (optind < argc) {
    WrongUsage(std::string("unexpected argument ") + argv[optind]);
  }
  if (options.standby && options.framework_name.empty()) {
    WrongUsage("--standby needs --framework-name: the instances share one");
  }
  if (options.framework_name.empty()) options.framework_name = "empty-tasks-" + std::to_string(Random()());
  return options;
}

// Lets the next instance take over. One try is enough: without our attachment it takes over anyhow.
grpc::Status HandOver(Calls& calls, seconds timeout) {
  bridge::CloseSessionRequest request;
  request.set_handover(true);
  return calls.Send(&bridge::SchedulerService::Stub::CloseSession, request, timeout);
}

// Leaves Ctrl-C and SIGTERM to who waits for them. To be called before there are other threads, which do as this one.
sigset_t BlockInterrupts() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

// Waits for one of them, and ends the framework in Mesos, and the program. A standby leaves the framework to others.
void EndOnInterrupt(sigset_t signals, Calls& calls, bool standby) {
  std::thread([signals, &calls, standby] {
    int signal = 0;
    sigwait(&signals, &signal);
    ending = true;
    grpc::Status status;
    if (!standby) {
      std::cerr << "ending the framework" << std::endl;
      status = Teardown(calls, seconds(10));
    } else if (active) {
      std::cerr << "handing over" << std::endl;
      status = HandOver(calls, seconds(10));
    }
    if (!status.ok()) {
      std::cerr << "the framework was not " << (standby ? "handed over: " : "ended: ") << status.error_message()
                << std::endl;
    }
    std::_Exit(1);
  }).detach();
}

}  // namespace

int main(int argc, char** argv) {
  // gRPC would log each failed try on its own, too.
  setenv("GRPC_VERBOSITY", "NONE", 0);
  const Options options = Parse(argc, argv);
  const sigset_t signals = BlockInterrupts();
  Calls calls(options);
  EndOnInterrupt(signals, calls, options.standby);
  Tasks tasks(calls, options);
  Scheduler scheduler(calls, tasks, options);
  grpc::Status status = scheduler.Run();
  if (status.ok() && options.standby && !scheduler.was_active()) {
    std::cout << "another instance has ended the framework" << std::endl;
    std::_Exit(0);
  }
  if (!status.ok()) {
    const std::string reason = ReasonOf(status);
    std::cerr << "empty-tasks: " << status.error_message() << (reason.empty() ? "" : " (" + reason + ")") << std::endl;
    std::_Exit(1);
  }
  std::cout << tasks.finished() << " of " << options.tasks << " finished, " << tasks.failed() << " failed"
            << std::endl;
  // Not `return`: the thread that waits for signals still uses what would be destroyed.
  std::_Exit(tasks.finished() == options.tasks ? 0 : 1);
}
