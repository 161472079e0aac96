package handler

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/internal/fault"
	"github.com/tokendocker/tokendocker/internal/handler/replication"
)

// States of a replica (ECR API Reference, ImageReplicationStatus).
const (
	replicaComplete = "COMPLETE"
	replicaFailed   = "FAILED"
)

// LeaseName is the Systems Manager parameter that is there while somebody holds the lease.
const LeaseName = "/tokendocker/replication-lease"

const (
	leaseTime  = time.Minute     // how long one writer may hold the lease
	leasePause = 5 * time.Second // until it is asked for again
	leaseTries = 15              // where the function itself waits: a little over a minute

	// unknownTime is how long ECR may know nothing about a replica before the image counts as pushed too early: ECR
	// replicates what is pushed after the rule, and nothing else.
	unknownTime = 5 * time.Minute
)

// target is what the registry's rules must do for a builder.
func (b builder) target(account string) replication.Target {
	return replication.Target{Repository: b.Repository.Name, Account: account, Regions: b.Replicas}
}

// ruled says whether the registry's rules send the builder's images to all of its regions.
func (h *Handler) ruled(ctx context.Context, b builder) (bool, error) {
	if len(b.Replicas) == 0 {
		return true, nil
	}
	account, rules, err := h.Replicas.Rules(ctx)
	return err == nil && replication.Covered(rules, b.target(account)), err
}

// makeRule extends the registry's rules by the builder's repository where they do not cover it. It returns how long the
// machine must wait before it asks again: for the lease, or to read back what was written, since somebody without
// a lease may have written at the same time. Zero means that the rules are as they must be.
func (h *Handler) makeRule(ctx context.Context, r request, b builder, now time.Time) (time.Duration, error) {
	ruled, err := h.ruled(ctx, b)
	if err != nil || ruled {
		return 0, err
	}
	change := func(account string, rules []replication.Rule) ([]replication.Rule, error) {
		if replication.Covered(rules, b.target(account)) {
			return nil, nil
		}
		next, err := replication.Add(rules, b.target(account))
		if err != nil {
			return nil, &fault.Error{Op: "replicate", Subject: b.Repository.Name, Kind: fault.Invalid, Err: err}
		}
		return next, nil
	}
	taken, err := h.rewrite(ctx, r, now, change)
	switch {
	case err != nil:
		return 0, err
	case !taken:
		return leasePause, nil
	}
	return r.pause(), nil
}

// rewrite changes the rules under the lease; false means that another holds it. change returns nil to leave them.
func (h *Handler) rewrite(ctx context.Context, r request, now time.Time,
	change func(account string, rules []replication.Rule) ([]replication.Rule, error)) (taken bool, err error) {
	taken, err = h.Lease.Take(ctx, r.execution(), now, now.Add(leaseTime))
	if err != nil || !taken {
		return false, err
	}
	defer func() {
		if released := h.Lease.Release(ctx); released != nil {
			h.Log.Warn("the lease stays until it is over", "error", released.Error())
		}
	}()
	account, rules, err := h.Replicas.Rules(ctx)
	if err != nil {
		return true, err
	}
	next, err := change(account, rules)
	if err != nil || next == nil {
		return true, err
	}
	h.Log.Info("replication rules", "before", len(rules), "after", len(next))
	return true, h.Replicas.SetRules(ctx, next)
}

// leave takes a repository out of the rules with exactly these regions. No machine waits for it, so the function does.
func (h *Handler) leave(ctx context.Context, r request, repository string, regions []string) error {
	for range leaseTries {
		account, rules, err := h.Replicas.Rules(ctx)
		if err != nil {
			return err
		}
		t := replication.Target{Repository: repository, Account: account, Regions: regions}
		if _, there := replication.Remove(rules, t); !there {
			return nil
		}
		_, err = h.rewrite(ctx, r, h.Now(), func(_ string, rules []replication.Rule) ([]replication.Rule, error) {
			next, changed := replication.Remove(rules, t)
			if !changed {
				return nil, nil
			}
			return append([]replication.Rule{}, next...), nil // no rules are a configuration too
		})
		if err != nil {
			return err
		}
		if err := h.Sleep(ctx, leasePause); err != nil {
			return err
		}
	}
	return &fault.Error{Op: "take the repository out of the replication rules", Subject: repository, Kind: fault.Internal,
		Err: fmt.Errorf("others kept writing them")}
}

// pause is one to five seconds, another for every request and the same for each of its tries.
func (r request) pause() time.Duration {
	return time.Second * time.Duration(1+int(r.key[0])%5)
}

// lookAtReplicas notes which regions do not have the image yet.
func (h *Handler) lookAtReplicas(ctx context.Context, b builder, f *found) error {
	replicas, err := h.Replicas.Status(ctx, b.Repository.Name, b.tag)
	if err != nil {
		return err
	}
	f.replica = replicas
	for _, region := range slices.Sorted(slices.Values(b.Replicas)) {
		if replicas[region].Status != replicaComplete {
			f.missing = append(f.missing, region)
		}
	}
	return nil
}

// awaitReplicas decides what becomes of an image that is not in every region yet. One that cannot get there any more
// is deleted, so that the next build pushes it anew.
func (h *Handler) awaitReplicas(ctx context.Context, s *State, b builder, c clock, f found) (Move, error) {
	if s.Replicating.IsZero() {
		s.Replicating = c.now
	}
	failed, unknown := f.hopeless()
	interval := time.Duration(b.Interval()) * time.Second
	late := c.left() < endRoom+interval
	early := s.Outcome == nil && len(unknown) > 0 && c.now.Sub(s.Replicating) >= unknownTime
	if len(failed) > 0 || early || late && len(unknown) > 0 {
		if err := h.Registry.Delete(ctx, b.Repository.Name, b.tag); err != nil {
			return Move{}, err
		}
	}
	switch {
	case len(failed) > 0:
		return answered(), h.fail(ctx, s.Request, failedReplicas(b, failed))
	case early && !late:
		h.Log.Info("pushed before the rule, built again", "regions", unknown)
		s.Replicating = time.Time{}
		return h.build(ctx, s, b, c)
	case late:
		return answered(), h.fail(ctx, s.Request, lateReplicas(b, f.missing))
	}
	return s.wait(interval), nil
}

// hopeless returns the regions where replication failed, each with its code, and those of which ECR knows nothing.
func (f found) hopeless() (failed, unknown []string) {
	for _, region := range f.missing {
		replica, known := f.replica[region]
		switch {
		case !known:
			unknown = append(unknown, region)
		case replica.Status == replicaFailed:
			failed = append(failed, strings.TrimSpace(region+" "+replica.Code))
		}
	}
	return failed, unknown
}

func failedReplicas(b builder, failed []string) string {
	return fmt.Sprintf("ECR could not replicate the image of %s: %s. Look at the repository of that name in each region, "+
		"which may keep tags from changing or be encrypted with a key that ECR may not use. The image was deleted, so that the next deploy builds it anew.",
		b.Repository.Name, strings.Join(failed, ", "))
}

func noRule(b builder) string {
	return fmt.Sprintf("The registry's replication rules could not be extended by %s before CloudFormation's time was over, because "+
		"others kept writing them or hold the lease %s; deploy again when nobody else changes replication.", b.Repository.Name, LeaseName)
}

func lateReplicas(b builder, missing []string) string {
	return fmt.Sprintf("The image is in %s, but its replicas in %s were not complete when CloudFormation's time for them was over; "+
		"deploy again, which goes on waiting.", b.Repository.Name, strings.Join(missing, ", "))
}

// pullStatement is the Sid by which Lambda itself knows its right to pull (Lambda Developer Guide, "Amazon ECR
// permissions").
const pullStatement = "LambdaECRImageRetrievalPolicy"

// letLambdaPull gives Lambda its right to pull in every region with a replica: ECR replicates no policies.
func (h *Handler) letLambdaPull(ctx context.Context, r request, b builder) error {
	if b.LambdaPull != "true" {
		return nil
	}
	account := strings.SplitN(b.Repository.URI, ".", 2)[0]
	for _, region := range b.Replicas {
		policy, err := h.Replicas.Policy(ctx, region, b.Repository.Name)
		if err != nil {
			return err
		}
		next, changed, err := withPull(policy, fmt.Sprintf("arn:%s:lambda:%s:%s:function:*", partition(r.StackID), region, account))
		if err != nil {
			return &fault.Error{Op: "let Lambda pull", Subject: region + " " + b.Repository.Name, Kind: fault.Invalid, Err: err}
		}
		if !changed {
			continue
		}
		if err := h.Replicas.SetPolicy(ctx, region, b.Repository.Name, next); err != nil {
			return err
		}
	}
	return nil
}

// withPull returns a repository policy with Lambda's right to pull for functions of an ARN pattern. Statements of
// others keep their text.
func withPull(policy, functions string) (next string, changed bool, err error) {
	document := struct {
		Version   string            `json:",omitempty"`
		ID        string            `json:"Id,omitempty"`
		Statement []json.RawMessage `json:"Statement"`
	}{Version: "2012-10-17"}
	if policy != "" {
		if err := json.Unmarshal([]byte(policy), &document); err != nil {
			return "", false, fmt.Errorf("the repository's policy is not of the usual form: %w", err)
		}
	}
	statement, err := json.Marshal(map[string]any{
		"Sid": pullStatement, "Effect": "Allow", "Principal": map[string]string{"Service": "lambda.amazonaws.com"},
		"Action":    []string{"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"},
		"Condition": map[string]any{"StringLike": map[string]string{"aws:sourceArn": functions}},
	})
	if err != nil {
		return "", false, err
	}
	for _, given := range document.Statement {
		var head struct{ Sid string }
		if json.Unmarshal(given, &head) == nil && head.Sid == pullStatement && strings.Contains(string(given), functions) {
			return policy, false, nil
		}
	}
	document.Statement = slices.DeleteFunc(document.Statement, func(given json.RawMessage) bool {
		var head struct{ Sid string }
		return json.Unmarshal(given, &head) == nil && head.Sid == pullStatement
	})
	document.Statement = append(document.Statement, statement)
	data, err := json.Marshal(document)
	return string(data), true, err
}
