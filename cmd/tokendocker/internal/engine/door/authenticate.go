package door

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/door/sigv4"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// maxSkew is how far a signature's date may be from now.
// Source: IAM User Guide, "Troubleshoot Signature Version 4 requests for AWS APIs".
const maxSkew = 15 * time.Minute

// refusal is why a request is not let in. Each protocol words it in its own way.
type refusal int

const (
	refuseUnsigned refusal = iota
	refuseIncomplete
	refuseKey
	refuseSignature
	refuseSkew
	refuseExpiredURL
	refuseExpiredToken
	refuseToken
)

// authenticate finds the session that signed r, and makes r's body one that is compared with its signed hash.
func (d *Door) authenticate(a *answer, r *http.Request) (*sigv4.Signature, *session.Session, error) {
	sig, err := sigv4.Parse(r)
	switch {
	case errors.Is(err, sigv4.ErrMissing) && signedOldWay(r):
		// Source: Amazon S3 API Reference, "List of error codes", InvalidRequest.
		return nil, nil, protocol.Errorf("InvalidRequest", "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.")
	case errors.Is(err, sigv4.ErrMissing):
		return nil, nil, a.refuse(refuseUnsigned, "")
	case err != nil:
		return nil, nil, a.refuse(refuseIncomplete, err.Error())
	}
	a.signedBy(sig.Service)
	if a.service == "" {
		return nil, nil, noService(sig.Service)
	}
	if a.service != sig.Service {
		return nil, nil, a.refuse(refuseSignature, fmt.Sprintf("Credential should be scoped to correct service: '%s'.", a.service))
	}
	as, ok := d.Sessions.Find(sig.AccessKeyID)
	if !ok {
		return nil, nil, a.refuse(refuseKey, "")
	}
	payload, err := hashBody(r, sig)
	if err != nil {
		return nil, nil, err
	}
	if !sig.Verify(r, as.SecretKey, payload) {
		return nil, nil, a.refuse(refuseSignature, "")
	}
	if subtle.ConstantTimeCompare([]byte(sig.Token), []byte(as.Token)) != 1 {
		return nil, nil, a.refuse(refuseToken, "")
	}
	if err := d.inTime(a, sig, as); err != nil {
		return nil, nil, err
	}
	return sig, as, streamBody(r, sig)
}

func (d *Door) inTime(a *answer, sig *sigv4.Signature, as *session.Session) error {
	now := time.Now()
	if !as.Expires.IsZero() && now.After(as.Expires) || as.Ended(d.Clock.Now()) {
		return a.refuse(refuseExpiredToken, "")
	}
	if as.Simulated {
		now = d.Clock.Now()
	}
	switch age := now.Sub(sig.Date); {
	case age < -maxSkew, !sig.Presigned && age > maxSkew:
		return a.refuse(refuseSkew, fmt.Sprintf("Signature expired: %s is now earlier or later than %s by more than 15 min.",
			sig.Date.UTC().Format("20060102T150405Z"), now.UTC().Format("20060102T150405Z")))
	case sig.Presigned && age > sig.Expires:
		return a.refuse(refuseExpiredURL, "")
	}
	return nil
}

// refuse words a refusal as the request's protocol does; detail replaces the usual message.
// Source: "Common error types" of each service's API reference; S3's "Error responses".
func (a *answer) refuse(why refusal, detail string) error {
	e := a.refusal(why)
	if detail != "" {
		e.Message = detail
	}
	return e
}

func (a *answer) refusal(why refusal) *protocol.Error {
	switch a.kind {
	case kindS3:
		return refuseS3(why)
	case kindQuery:
		return refuseQuery(why)
	}
	e := refuseJSON(why)
	if a.kind == kindREST {
		e.Status = http.StatusForbidden
	}
	return e
}

const (
	badSignature = "The request signature we calculated does not match the signature you provided. " +
		"Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	badToken     = "The security token included in the request is invalid."
	expiredToken = "The security token included in the request is expired"
)

func refuseJSON(why refusal) *protocol.Error {
	switch why {
	case refuseUnsigned:
		return protocol.Errorf("MissingAuthenticationTokenException", "Missing Authentication Token")
	case refuseIncomplete:
		return protocol.Errorf("IncompleteSignatureException", "")
	case refuseKey, refuseToken:
		return protocol.Errorf("UnrecognizedClientException", badToken)
	case refuseExpiredToken:
		return protocol.Errorf("ExpiredTokenException", expiredToken)
	case refuseExpiredURL:
		return protocol.Errorf("InvalidSignatureException", "Signature expired")
	}
	return protocol.Errorf("InvalidSignatureException", badSignature)
}

func refuseQuery(why refusal) *protocol.Error {
	e := &protocol.Error{Code: "SignatureDoesNotMatch", Message: badSignature, Status: http.StatusForbidden}
	switch why {
	case refuseUnsigned:
		e.Code, e.Message = "MissingAuthenticationToken", "Request is missing Authentication Token"
	case refuseIncomplete:
		e.Code, e.Status = "IncompleteSignature", http.StatusBadRequest
	case refuseKey, refuseToken:
		e.Code, e.Message = "InvalidClientTokenId", badToken
	case refuseExpiredToken:
		e.Code, e.Message = "ExpiredToken", expiredToken
	}
	return e
}

func refuseS3(why refusal) *protocol.Error {
	e := &protocol.Error{Code: "SignatureDoesNotMatch", Status: http.StatusForbidden,
		Message: "The request signature we calculated does not match the signature you provided. Check your key and signing method."}
	switch why {
	case refuseUnsigned:
		e.Code, e.Message = "AccessDenied", "Access Denied"
	case refuseIncomplete:
		e.Code, e.Status = "AuthorizationHeaderMalformed", http.StatusBadRequest
	case refuseKey:
		e.Code, e.Message = "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."
	case refuseToken:
		e.Code, e.Message, e.Status = "InvalidToken", "The provided token is malformed or otherwise invalid.", http.StatusBadRequest
	case refuseExpiredToken:
		e.Code, e.Message, e.Status = "ExpiredToken", "The provided token has expired.", http.StatusBadRequest
	case refuseExpiredURL:
		e.Code, e.Message = "AccessDenied", "Request has expired"
	case refuseSkew:
		e.Code, e.Message = "RequestTimeTooSkewed", "The difference between the request time and the current time is too large."
	}
	return e
}
