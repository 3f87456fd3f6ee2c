package io.github.mesosbridge;

import io.grpc.ChannelCredentials;
import io.grpc.TlsChannelCredentials;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** Options for TLS that fit together. */
final class TlsClient {
  private static final Pattern KEY =
      Pattern.compile("-----BEGIN PRIVATE KEY-----([A-Za-z0-9+/=\\s]+)-----END PRIVATE KEY-----");

  /** How a key of each algorithm signs. */
  private static final Map<String, String> SIGNATURES =
      Map.of("RSA", "SHA256withRSA", "EC", "SHA256withECDSA", "EdDSA", "EdDSA");

  private static final char[] NO_PASSWORD = {};

  final String serverName;
  private final Tls options;
  private final SSLContext context;

  /**
   * Checks them.
   *
   * @throws IllegalArgumentException that names the option which can't be used
   */
  TlsClient(Tls options) {
    this.options = options;
    serverName = options.serverName;
    if (options.cert == null ^ options.key == null) {
      String missing = options.key == null ? "key" : "cert";
      throw new IllegalArgumentException("tls." + missing + " is missing: tls.cert and tls.key go together");
    }
    try {
      context = SSLContext.getInstance("TLS");
      context.init(
          options.cert == null ? null : keys(options).getKeyManagers(),
          options.ca == null ? null : trust(options.ca).getTrustManagers(),
          null);
    } catch (GeneralSecurityException | IOException unusable) {
      throw new IllegalArgumentException("tls can't be used: " + unusable.getMessage());
    }
  }

  boolean hasCertificate() {
    return options.cert != null;
  }

  /** The same for connections that are not gRPC's. */
  SSLContext context() {
    return context;
  }

  ChannelCredentials credentials() {
    TlsChannelCredentials.Builder builder = TlsChannelCredentials.newBuilder();
    try {
      if (options.ca != null) {
        builder.trustManager(new ByteArrayInputStream(options.ca));
      }
      if (options.cert != null) {
        builder.keyManager(new ByteArrayInputStream(options.cert), new ByteArrayInputStream(options.key));
      }
    } catch (IOException never) {
      throw new IllegalStateException(never);
    }
    return builder.build();
  }

  private static TrustManagerFactory trust(byte[] ca) throws GeneralSecurityException, IOException {
    KeyStore store = emptyStore();
    int n = 0;
    for (Certificate certificate : certificates("ca", ca)) {
      store.setCertificateEntry("ca" + n++, certificate);
    }
    TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    factory.init(store);
    return factory;
  }

  private static KeyManagerFactory keys(Tls options) throws GeneralSecurityException, IOException {
    Certificate[] chain = certificates("cert", options.cert);
    PrivateKey key = privateKey(options.key);
    if (!isKeyOf(key, chain[0])) {
      throw new IllegalArgumentException("tls.key is not the key of the certificate in tls.cert");
    }
    KeyStore store = emptyStore();
    store.setKeyEntry("client", key, NO_PASSWORD, chain);
    KeyManagerFactory factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    factory.init(store, NO_PASSWORD);
    return factory;
  }

  private static KeyStore emptyStore() throws GeneralSecurityException, IOException {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, NO_PASSWORD);
    return store;
  }

  private static Certificate[] certificates(String option, byte[] pem) {
    try {
      Certificate[] found =
          CertificateFactory.getInstance("X.509")
              .generateCertificates(new ByteArrayInputStream(pem))
              .toArray(new Certificate[0]);
      if (found.length > 0) {
        return found;
      }
    } catch (CertificateException notOne) {
      // Said below.
    }
    throw new IllegalArgumentException("tls." + option + " should have a certificate in PEM");
  }

  private static PrivateKey privateKey(byte[] pem) {
    Matcher matcher = KEY.matcher(new String(pem, StandardCharsets.ISO_8859_1));
    if (matcher.find()) {
      PKCS8EncodedKeySpec spec = new PKCS8EncodedKeySpec(Base64.getMimeDecoder().decode(matcher.group(1)));
      for (String algorithm : SIGNATURES.keySet()) {
        try {
          return KeyFactory.getInstance(algorithm).generatePrivate(spec);
        } catch (GeneralSecurityException another) {
          // The next one may fit.
        }
      }
    }
    throw new IllegalArgumentException(
        "tls.key should have a private key in PEM, as PKCS #8 (BEGIN PRIVATE KEY) and not encrypted");
  }

  private static boolean isKeyOf(PrivateKey key, Certificate certificate) {
    try {
      Signature signature = Signature.getInstance(SIGNATURES.get(key.getAlgorithm()));
      signature.initSign(key);
      byte[] signed = signature.sign();
      signature.initVerify(certificate.getPublicKey());
      return signature.verify(signed);
    } catch (GeneralSecurityException ofAnotherKind) {
      return false;
    }
  }
}
