/**
 * A test CA and two certificates signed by it, the texts of `certs/*.pem` and `certs/*.key`: as constants,
 * so that tests need no permission to read. Made once, valid from 2020 to 2120; the CA's key was thrown away.
 *
 * Made with openssl 3 and this `ca.conf`:
 *
 * ```ini
 * [ca]
 * default_ca = x
 * [x]
 * database = index
 * new_certs_dir = .
 * rand_serial = yes
 * unique_subject = no
 * default_md = sha256
 * policy = any
 * x509_extensions = leaf
 * [any]
 * commonName = supplied
 * [root]
 * basicConstraints = critical,CA:TRUE
 * keyUsage = critical,keyCertSign,cRLSign
 * subjectKeyIdentifier = hash
 * [leaf]
 * basicConstraints = critical,CA:FALSE
 * keyUsage = critical,digitalSignature
 * extendedKeyUsage = serverAuth
 * subjectAltName = ${ENV::NAMES}
 * ```
 *
 * ```sh
 * touch index; export NAMES=DNS:unused
 * OPTIONS="-config ca.conf -batch -notext -startdate 20200101000000Z -enddate 21200101000000Z"
 * for n in ca one other; do openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out $n.key; done
 * openssl req -new -key ca.key -subj "/CN=Postern test CA" -out ca.csr
 * openssl ca $OPTIONS -selfsign -extensions root -keyfile ca.key -in ca.csr -out ca.pem
 * leaf() {
 *   openssl req -new -key $1.key -subj "/CN=$2" -out $1.csr
 *   NAMES=$3 openssl ca $OPTIONS -cert ca.pem -keyfile ca.key -in $1.csr -out $1.pem
 * }
 * leaf one one.one.one.one "DNS:one.one.one.one,IP:127.0.0.1"
 * leaf other other.test "DNS:other.test,DNS:*.other.test"
 * ```
 *
 * @module
 */

/** A certificate and its private key. */
export interface KeyPair {
  /** The certificate, PEM. */
  readonly cert: string;
  /** The private key, PEM. */
  readonly key: string;
}

/** The CA's certificate, `ca.pem`. */
export const CA = `-----BEGIN CERTIFICATE-----
MIIBejCCASCgAwIBAgIULfQjIxtxMruWhvUMfsmmyDjnTGowCgYIKoZIzj0EAwIw
GjEYMBYGA1UEAwwPUG9zdGVybiB0ZXN0IENBMCAXDTIwMDEwMTAwMDAwMFoYDzIx
MjAwMTAxMDAwMDAwWjAaMRgwFgYDVQQDDA9Qb3N0ZXJuIHRlc3QgQ0EwWTATBgcq
hkjOPQIBBggqhkjOPQMBBwNCAAQNW5rlGgcubA/YvhGJXxg5IuY403x9LKsr/agt
8O+Frh3E8DXYblUN5ZtoYIWaK+n0jtzlbFiF6Kwu7klvoYVKo0IwQDAPBgNVHRMB
Af8EBTADAQH/MA4GA1UdDwEB/wQEAwIBBjAdBgNVHQ4EFgQUfBth5hHd+gzXV5aC
xr/rJBq11yUwCgYIKoZIzj0EAwIDSAAwRQIgb8djsOT4fGqepgc9K+2MTIY+lDuR
9cegFtIGTy4hUcgCIQDSBPEJSzNfNeYyEfYk1ouOlsKGFXKcXcazrk6zAsR2nQ==
-----END CERTIFICATE-----
`;

/** For `one.one.one.one` and `127.0.0.1`: `one.pem` and `one.key`. */
export const ONE: KeyPair = {
  cert: `-----BEGIN CERTIFICATE-----
MIIB0TCCAXegAwIBAgIUb+K0yGSaS6xey+5lVVXG28/LWfswCgYIKoZIzj0EAwIw
GjEYMBYGA1UEAwwPUG9zdGVybiB0ZXN0IENBMCAXDTIwMDEwMTAwMDAwMFoYDzIx
MjAwMTAxMDAwMDAwWjAaMRgwFgYDVQQDDA9vbmUub25lLm9uZS5vbmUwWTATBgcq
hkjOPQIBBggqhkjOPQMBBwNCAAQU51ga0kQMX5fMVctYaDtOyJASXxJmxdME55DH
LfIMcKTLEEqy8TMQnovqwZ4iEo/RFSPmoJvK2eoygmTfbObOo4GYMIGVMAwGA1Ud
EwEB/wQCMAAwDgYDVR0PAQH/BAQDAgeAMBMGA1UdJQQMMAoGCCsGAQUFBwMBMCAG
A1UdEQQZMBeCD29uZS5vbmUub25lLm9uZYcEfwAAATAdBgNVHQ4EFgQUIg3Xmarn
ZF47kffQW92O2PU0I+4wHwYDVR0jBBgwFoAUfBth5hHd+gzXV5aCxr/rJBq11yUw
CgYIKoZIzj0EAwIDSAAwRQIgZw4nVOTK1p4p/SZ+GhQ4PiMTOMD0QpGT7FvMQ7/F
1K0CIQC1kbSb5L6qX5SCtjn2trxA/cwDzI/uQD9WUTXZ8BPpRQ==
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg+RCav5Jbo8psHtSj
r0BR70oWCXeTPFXVZtXvqSSXFG+hRANCAAQU51ga0kQMX5fMVctYaDtOyJASXxJm
xdME55DHLfIMcKTLEEqy8TMQnovqwZ4iEo/RFSPmoJvK2eoygmTfbObO
-----END PRIVATE KEY-----
`,
};

/** For `other.test` and `*.other.test`: `other.pem` and `other.key`. */
export const OTHER: KeyPair = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBzzCCAXWgAwIBAgIUZJ7MQAACcZTO3954XunNmRD5UeMwCgYIKoZIzj0EAwIw
GjEYMBYGA1UEAwwPUG9zdGVybiB0ZXN0IENBMCAXDTIwMDEwMTAwMDAwMFoYDzIx
MjAwMTAxMDAwMDAwWjAVMRMwEQYDVQQDDApvdGhlci50ZXN0MFkwEwYHKoZIzj0C
AQYIKoZIzj0DAQcDQgAEdFRzpNbyo09Cg5iziXE38IxtycaZqQM8nRm+7VpM2Xs7
rnI04AewDtR1NKKQX3/90L7rYkrS9px7QSf+yLweDqOBmzCBmDAMBgNVHRMBAf8E
AjAAMA4GA1UdDwEB/wQEAwIHgDATBgNVHSUEDDAKBggrBgEFBQcDATAjBgNVHREE
HDAaggpvdGhlci50ZXN0ggwqLm90aGVyLnRlc3QwHQYDVR0OBBYEFLp+zdwTsuHw
YG5G/xqaEMnrCvPtMB8GA1UdIwQYMBaAFHwbYeYR3foM11eWgsa/6yQatdclMAoG
CCqGSM49BAMCA0gAMEUCIQCVxYwXcII+9pi81VWqTTVM61SpjL8GHV2v+DASdk/v
rAIgJQ65jc69Lp9L0nZsBDzdvVXFLjgih8bzuV3Hzryc8XQ=
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg+PyeM6R+3KiIKrbQ
XiQSmvpb0UnuCCE6qZAXbht/ZIGhRANCAAR0VHOk1vKjT0KDmLOJcTfwjG3Jxpmp
AzydGb7tWkzZezuucjTgB7AO1HU0opBff/3QvutiStL2nHtBJ/7IvB4O
-----END PRIVATE KEY-----
`,
};
