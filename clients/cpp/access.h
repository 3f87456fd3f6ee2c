// How the program reaches its bridge: TLS, a token, and words for what answers in place of a bridge.

#ifndef ACCESS_H_
#define ACCESS_H_

#include <arpa/inet.h>
#include <grpcpp/grpcpp.h>
#include <netdb.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

// Files in PEM, and one with a token. Empty: none.
struct Access {
  std::string ca;
  std::string cert;
  std::string key;
  std::string token_file;

  bool uses_tls() const { return !(ca.empty() && cert.empty() && key.empty()); }
};

inline std::string FromEnvironment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

inline bool ReadFile(const std::string& path, std::string* text) {
  std::ifstream file(path, std::ios::binary);
  text->assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  return file.is_open() && !file.bad();
}

[[noreturn]] inline void WrongUsage(const std::string& what) {
  std::cerr << "empty-tasks: " << what << std::endl;
  std::exit(2);
}

// What an option's file holds; the program ends where it can't be used.
inline std::string PemOf(const char* option, const std::string& path) {
  std::string text;
  if (path.empty()) return text;
  if (!ReadFile(path, &text)) WrongUsage(std::string(option) + " can't be read: " + path);
  if (text.find("-----BEGIN ") == std::string::npos) WrongUsage(std::string(option) + " is not in PEM: " + path);
  return text;
}

// The token of a file, read anew for each use; without it, why not.
inline grpc::Status ReadToken(const std::string& path, std::string* token) {
  if (!ReadFile(path, token)) return grpc::Status(grpc::UNAVAILABLE, "no token to send: " + path + " can't be read");
  const std::string space = " \t\r\n";
  token->erase(token->find_last_not_of(space) + 1);
  token->erase(0, token->find_first_not_of(space));
  const bool printable = std::all_of(token->begin(), token->end(), [](char c) { return c > ' ' && c <= '~'; });
  if (!token->empty() && printable) return grpc::Status::OK;
  return grpc::Status(grpc::UNAVAILABLE, "no token to send: " + path + " should hold one, in ASCII without spaces");
}

// True if what is sent to an address does not leave this host.
inline bool IsLocal(const std::string& address) {
  if (address.rfind("unix:", 0) == 0) return true;
  const std::string host = address.substr(0, address.rfind(':'));
  in_addr ip;
  if (inet_pton(AF_INET, host.c_str(), &ip) == 1) return (ntohl(ip.s_addr) >> 24) == 127;
  return host == "[::1]" || strcasecmp(host.c_str(), "localhost") == 0;
}

// The program ends where the options can't be used.
inline std::shared_ptr<grpc::ChannelCredentials> CredentialsOf(const Access& access, const std::string& address) {
  if (access.cert.empty() != access.key.empty()) WrongUsage("--bridge-cert and --bridge-key need each other");
  if (!access.token_file.empty()) {
    std::string token;
    const grpc::Status status = ReadToken(access.token_file, &token);
    if (!status.ok()) WrongUsage("--bridge-token-file: " + status.error_message());
    if (!access.uses_tls() && !IsLocal(address)) {
      WrongUsage("the token would go to " + address + " in plain text: use TLS (--bridge-ca), or leave the token out");
    }
  }
  if (!access.uses_tls()) return grpc::InsecureChannelCredentials();
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = PemOf("--bridge-ca", access.ca);
  options.pem_cert_chain = PemOf("--bridge-cert", access.cert);
  options.pem_private_key = PemOf("--bridge-key", access.key);
  return grpc::SslCredentials(options);
}

// A connection to HOST:PORT that waits at most 2 s for anything; -1 without one.
inline int ConnectTo(const std::string& address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos) return -1;
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), address.substr(colon + 1).c_str(), &hints, &found) != 0) return -1;
  int connected = -1;
  for (const addrinfo* one = found; one != nullptr && connected < 0; one = one->ai_next) {
    const int fd = socket(one->ai_family, one->ai_socktype, one->ai_protocol);
    const timeval patience = {2, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, one->ai_addr, one->ai_addrlen) == 0) {
      connected = fd;
    } else {
      close(fd);
    }
  }
  freeaddrinfo(found);
  return connected;
}

// What a server says first to a client that begins like that; empty if it says nothing, or hangs up.
inline std::string AnswerTo(const std::string& address, const std::string& words) {
  const int fd = ConnectTo(address);
  if (fd < 0) return "";
  char bytes[9] = {};
  const bool sent = send(fd, words.data(), words.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(words.size());
  const ssize_t size = sent ? recv(fd, bytes, sizeof bytes, 0) : 0;
  close(fd);
  return std::string(bytes, size > 0 ? size : 0);
}

inline bool IsTls(const std::string& answer) {
  return answer.size() > 2 && (answer[0] == 0x15 || answer[0] == 0x16) && answer[1] == 3;
}

// What answers in plain text where no bridge does; empty if it may be one.
inline std::string Stranger(const std::string& address) {
  // How HTTP/2 begins, with empty SETTINGS; a bridge answers with its own.
  static const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string("\0\0\0\4\0\0\0\0\0", 9);
  // The least that a client says first in TLS 1.2.
  static const std::string hello = std::string("\x16\x03\x01\0\x39\x01\0\0\x35\x03\x03", 11) + std::string(32, '\0') +
                                   std::string("\0\0\x0e\xc0\x2f\xc0\x30\xc0\x2b\xc0\x2c\0\x9c\0\x2f\x13\x01\x01\0", 19);
  const std::string answer = AnswerTo(address, preface);
  if (answer.rfind("HTTP/", 0) == 0 || answer.rfind("<", 0) == 0) {
    return address + " is not a Mesos bridge: it is a web server";
  }
  if (IsTls(answer) || (answer.empty() && IsTls(AnswerTo(address, hello)))) {
    return address + " speaks TLS: give --bridge-ca";
  }
  if (answer.size() > 3 && answer[3] != 4) return address + " is not a Mesos bridge: it answers in another protocol";
  return "";
}

// Words for the ways in which TLS fails, by what gRPC says of them.
inline std::string TlsTrouble(const std::string& address, const std::string& text) {
  static const std::vector<std::pair<const char*, const char*>> words = {
      {"certificate has expired", "its certificate has expired"},
      {"CERTIFICATE_VERIFY_FAILED", "its certificate is from an authority that is not trusted: see --bridge-ca"},
      {"certificate verify failed", "its certificate is from an authority that is not trusted, or has expired: see --bridge-ca"},
      {"Peer name", "its certificate is not for that name: use a name that it holds"},
      {"WRONG_VERSION_NUMBER", "it does not speak TLS: leave out --bridge-ca, or give the bridge a certificate"},
      {"wrong version number", "it does not speak TLS: leave out --bridge-ca, or give the bridge a certificate"},
      {"no application protocol", "it is not a Mesos bridge, for it does not speak HTTP/2"},
      // Servers on Node, such as the bridge, do not say why.
      {"Endpoint read failed", "it probably demands a client certificate: see --bridge-cert"},
      {"Socket closed", "it probably demands another client certificate: see --bridge-cert"},
  };
  for (const auto& [sign, meaning] : words) {
    if (text.find(sign) != std::string::npos) return "can't use TLS with " + address + ": " + meaning;
  }
  return "";
}

// The error of an attempt to attach that brought no stream, in words for people. It stays the same kind of error.
inline grpc::Status Explained(const grpc::Status& status, const std::string& address, const Access& access) {
  const std::string& text = status.error_message();
  std::string words;
  if (status.error_code() == grpc::UNIMPLEMENTED) {
    words = address + " is not a Mesos bridge: " + text;
  } else if (access.uses_tls()) {
    words = TlsTrouble(address, text);
  } else if (text.find("refused") == std::string::npos && address.rfind("unix:", 0) != 0) {
    words = Stranger(address);
  }
  return words.empty() ? status : grpc::Status(status.error_code(), words, status.error_details());
}

#endif  // ACCESS_H_
