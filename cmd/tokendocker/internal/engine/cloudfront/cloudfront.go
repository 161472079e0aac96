// Package cloudfront is Amazon CloudFront as far as deployments of web sites meet it: they invalidate what edges have
// cached of a distribution, and wait until that is done. Distributions themselves are only simulated, and nothing is
// cached, so an invalidation is done at once.
package cloudfront

import (
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/clock"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

const (
	namespace = "http://cloudfront.amazonaws.com/doc/2020-05-31/"

	// maxBody is the most that an invalidation's input may have: 3,000 paths of 4,000 bytes, which are CloudFront's
	// quotas (Amazon CloudFront Developer Guide, "Quotas").
	maxBody = 3000 * 4000
)

// route is the path of the operations: a distribution's invalidations, or one of them.
var route = regexp.MustCompile(`^/2020-05-31/distribution/([^/]+)/invalidation(?:/([^/]+))?/?$`)

// Room is an account's distributions. It is safe for concurrent use.
type Room struct {
	account, partition string
	clock              *clock.Clock

	mu            sync.Mutex
	invalidations map[string][]invalidation // by distribution
}

// New returns the room of an account.
func New(account, partition string, c *clock.Clock) *Room {
	return &Room{account: account, partition: partition, clock: c, invalidations: map[string][]invalidation{}}
}

// batch is what is to be invalidated.
type batch struct {
	Paths struct {
		Quantity int
		Items    struct {
			Path []string
		}
	}
	CallerReference string
}

// invalidation is the answer of both operations.
type invalidation struct {
	XMLName    xml.Name `xml:"Invalidation"`
	Namespace  string   `xml:"xmlns,attr"`
	ID         string   `xml:"Id"`
	Status     string   // "InProgress", "Completed"
	CreateTime string
	Batch      batch `xml:"InvalidationBatch"`
}

// Name returns "cloudfront".
func (r *Room) Name() string { return "cloudfront" }

// Needs asks for the operation's action on the distribution.
// Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon CloudFront".
func (r *Room) Needs(_ context.Context, call *protocol.Call) ([]protocol.Need, error) {
	match := route.FindStringSubmatch(call.HTTP.URL.Path)
	switch {
	case match != nil && match[2] == "" && call.HTTP.Method == http.MethodPost:
		call.Operation = "CreateInvalidation"
	case match != nil && match[2] != "" && call.HTTP.Method == http.MethodGet:
		call.Operation = "GetInvalidation"
	default:
		return nil, protocol.Errorf("UnknownOperationException", "tokendocker has of CloudFront CreateInvalidation and GetInvalidation only, not %s %s; "+
			"docs/limits.md says what there is", call.HTTP.Method, call.HTTP.URL.Path)
	}
	arn := fmt.Sprintf("arn:%s:cloudfront::%s:distribution/%s", r.partition, r.account, match[1])
	return []protocol.Need{{Action: "cloudfront:" + call.Operation, Resources: []string{arn}}}, nil
}

// Serve does the call.
func (r *Room) Serve(_ context.Context, call *protocol.Call) (any, error) {
	match := route.FindStringSubmatch(call.HTTP.URL.Path)
	if call.Operation == "GetInvalidation" {
		return r.get(match[1], match[2])
	}
	return r.create(call, match[1])
}

// create makes an invalidation, or finds the one that the same reference has made.
func (r *Room) create(call *protocol.Call, distribution string) (http.Handler, error) {
	var in batch
	if err := xml.NewDecoder(io.LimitReader(call.HTTP.Body, maxBody)).Decode(&in); err != nil {
		return nil, protocol.Errorf("MalformedXML", "1 validation error detected: the input is no InvalidationBatch: %v", err)
	}
	if err := check(in); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, made := range r.invalidations[distribution] {
		if made.Batch.CallerReference != in.CallerReference {
			continue
		}
		if strings.Join(made.Batch.Paths.Items.Path, "\n") != strings.Join(in.Paths.Items.Path, "\n") {
			return nil, protocol.Errorf("InvalidationBatchAlreadyExists", "Your caller reference that was specified already exists: %s", in.CallerReference)
		}
		return answer(http.StatusCreated, made), nil
	}
	made := invalidation{Namespace: namespace, ID: "I" + strings.ToUpper(strings.ReplaceAll(protocol.NewID(), "-", ""))[:13], Status: "InProgress",
		CreateTime: r.clock.Now().UTC().Format("2006-01-02T15:04:05.000Z"), Batch: in}
	r.invalidations[distribution] = append(r.invalidations[distribution], made)
	return answer(http.StatusCreated, made), nil
}

// check refuses what CloudFront does.
// Source: Amazon CloudFront API Reference, "InvalidationBatch" and "Paths".
func check(in batch) error {
	if in.CallerReference == "" {
		return protocol.Errorf("InvalidArgument", "The parameter CallerReference is required.")
	}
	if n := len(in.Paths.Items.Path); in.Paths.Quantity != n {
		return protocol.Errorf("InconsistentQuantities", "The value of Quantity (%d) does not match the number of items (%d).", in.Paths.Quantity, n)
	}
	for _, path := range in.Paths.Items.Path {
		if !strings.HasPrefix(path, "/") {
			return protocol.Errorf("InvalidArgument", "Your request contains one or more invalid invalidation paths.")
		}
	}
	return nil
}

func (r *Room) get(distribution, id string) (http.Handler, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, made := range r.invalidations[distribution] {
		if made.ID == id {
			made.Status = "Completed"
			return answer(http.StatusOK, made), nil
		}
	}
	return nil, &protocol.Error{Code: "NoSuchInvalidation", Message: "The specified invalidation does not exist.", Status: http.StatusNotFound}
}

// answer writes an invalidation.
func answer(status int, made invalidation) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(status)
		_ = xml.NewEncoder(w).Encode(made) // a client that went away has no use for an error
	})
}
