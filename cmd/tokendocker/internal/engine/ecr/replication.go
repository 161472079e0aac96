package ecr

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/partition"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// What a replication configuration takes (Amazon ECR User Guide, "Private image replication").
const (
	maxRules        = 10
	maxDestinations = 25
	maxFilters      = 100
)

// replicationTime is how long a replica takes unless a switch says otherwise. AWS says "most images replicate in less
// than 30 minutes" (Amazon ECR User Guide, "Private image replication").
const replicationTime = 20 * time.Second

// registry is what is kept of the registry of one account in one region.
type registry struct {
	Rules     []rule             `json:",omitempty"`
	Linked    bool               // the account has ECR's role for replication
	Caches    []cacheRule        `json:",omitempty"`
	Templates []creationTemplate `json:",omitempty"`
	Policy    string             `json:",omitempty"` // JSON text
}

// rule is a replication rule in the API's own spelling.
type rule struct {
	Destinations      []destination `json:"destinations"`
	RepositoryFilters []prefix      `json:"repositoryFilters,omitempty"`
}

type destination struct {
	Region     string `json:"region"`
	RegistryID string `json:"registryId"`
}

type prefix struct {
	Filter     string `json:"filter"`
	FilterType string `json:"filterType"`
}

// replica is what became of an image's replication to one destination.
type replica struct {
	To     destination
	Status string // IN_PROGRESS, COMPLETE, FAILED
	Code   string `json:",omitempty"`
	Tag    string `json:",omitempty"` // that was pushed
	Due    time.Time
}

// States of a replica (ECR API Reference, ImageReplicationStatus).
const (
	replicating  = "IN_PROGRESS"
	replicated   = "COMPLETE"
	unreplicated = "FAILED"
)

// key is the registry's in the table.
func (p place) key() string { return p.partition + ":" + p.account + ":" + p.region }

// changeRegistry changes a registry's settings in one step.
func (r *Room) changeRegistry(at place, change func(*registry) error) error {
	return r.registries.Update(at.key(), func(reg registry, _ bool) (registry, error) {
		err := change(&reg)
		return reg, err
	})
}

func (r *Room) describeRegistry(_ context.Context, call *protocol.Call, _ struct{}) (any, error) {
	at := where(call, "")
	reg, _, err := r.registries.Get(at.key())
	if err != nil {
		return nil, err
	}
	return map[string]any{"registryId": at.account, "replicationConfiguration": map[string]any{"rules": notNil(reg.Rules)}}, nil
}

type replicationConfiguration struct {
	Rules []rule `json:"rules"`
}

func (r *Room) putReplicationConfiguration(_ context.Context, call *protocol.Call, in struct {
	ReplicationConfiguration *replicationConfiguration `json:"replicationConfiguration"`
}) (any, error) {
	if in.ReplicationConfiguration == nil {
		return nil, errParameter("replicationConfiguration", "must not be null")
	}
	if err := r.configure(where(call, ""), in.ReplicationConfiguration.Rules); err != nil {
		return nil, err
	}
	return map[string]any{"replicationConfiguration": replicationConfiguration{notNil(in.ReplicationConfiguration.Rules)}}, nil
}

// configure sets a registry's replication rules.
func (r *Room) configure(at place, rules []rule) error {
	if err := checkRules(at, rules); err != nil {
		return err
	}
	return r.changeRegistry(at, func(reg *registry) error {
		reg.Rules, reg.Linked = rules, true
		return nil
	})
}

// checkRules refuses what PutReplicationConfiguration refuses.
// Source: ECR API Reference, ReplicationRule, ReplicationDestination, RepositoryFilter.
func checkRules(at place, rules []rule) error {
	if len(rules) > maxRules {
		return errParameter("replicationConfiguration.rules", fmt.Sprintf("Member must have length less than or equal to %d", maxRules))
	}
	all := map[destination]bool{}
	for _, given := range rules {
		if len(given.RepositoryFilters) > maxFilters {
			return errParameter("replicationConfiguration.rules.repositoryFilters", fmt.Sprintf("Member must have length less than or equal to %d", maxFilters))
		}
		for _, f := range given.RepositoryFilters {
			if f.FilterType != "PREFIX_MATCH" || len(f.Filter) < 2 {
				return errParameter("replicationConfiguration.rules.repositoryFilters", "must be of filterType PREFIX_MATCH and have 2 to 256 characters")
			}
		}
		for _, d := range given.Destinations {
			if err := checkDestination(at, d); err != nil {
				return err
			}
			all[d] = true
		}
	}
	if len(all) > maxDestinations {
		return errParameter("replicationConfiguration.rules.destinations", fmt.Sprintf("must have at most %d unique destinations", maxDestinations))
	}
	return nil
}

func checkDestination(at place, d destination) error {
	if d.RegistryID == "" {
		return errParameter("replicationConfiguration.rules.destinations", "registryId must not be null")
	}
	if err := checkRegistryID(d.RegistryID); err != nil {
		return err
	}
	in, _ := partition.Of(d.Region)
	switch {
	case d.Region == at.region && d.RegistryID == at.account:
		return errParameter("replicationConfiguration.rules.destinations", "The source registry cannot be a destination")
	case in != at.partition || !partition.IsRegion(d.Region):
		return protocol.Errorf("InvalidParameterException", "Invalid region '%s'", d.Region)
	}
	return nil
}

// linkNeed is what the first replication of an account needs beside its own action: the caller makes ECR's role.
// Source: Amazon ECR User Guide, "Amazon ECR service-linked role for replication".
func (r *Room) linkNeed(at place) []protocol.Need {
	for key, reg := range r.registries.All() {
		if reg.Linked && strings.Contains(key, ":"+at.account+":") {
			return nil
		}
	}
	return []protocol.Need{{
		Action:     "iam:CreateServiceLinkedRole",
		Resources:  []string{"arn:" + at.partition + ":iam::" + at.account + ":role/aws-service-role/replication.ecr.amazonaws.com/AWSServiceRoleForECRReplication"},
		Conditions: map[string][]string{"iam:AWSServiceName": {"replication.ecr.amazonaws.com"}},
	}}
}

func (r *Room) describeImageReplicationStatus(_ context.Context, call *protocol.Call, in struct {
	target
	ImageID imageID `json:"imageId"`
}) (any, error) {
	repo, err := r.find(where(call, in.RegistryID).arn(in.RepositoryName))
	if err != nil {
		return nil, err
	}
	dgst, missing := repo.lookup(in.ImageID)
	if missing != nil {
		return nil, errNoImage(repo, in.ImageID)
	}
	statuses := []map[string]string{}
	for _, rep := range repo.Images[dgst].Replicas {
		if in.ImageID.ImageTag != "" && rep.Tag != in.ImageID.ImageTag {
			continue
		}
		status := map[string]string{"region": rep.To.Region, "registryId": rep.To.RegistryID, "status": rep.Status}
		if rep.Code != "" {
			status["failureCode"] = rep.Code
		}
		statuses = append(statuses, status)
	}
	return map[string]any{"repositoryName": repo.Name, "imageId": imageID{ImageDigest: dgst, ImageTag: in.ImageID.ImageTag}, "replicationStatuses": statuses}, nil
}

// replicate begins to bring a pushed image to wherever the registry's rules send its repository. Only a push does;
// what was there before the rule stays where it is, and a replica is not replicated further.
// Source: Amazon ECR User Guide, "Private image replication", "Considerations".
func (r *Room) replicate(at place, repo repository, tag, dgst string) error {
	reg, _, err := r.registries.Get(at.key())
	if err != nil {
		return err
	}
	delay := replicationTime
	if r.Switches.ReplicationDelay > 0 {
		delay = r.Switches.ReplicationDelay
	}
	due := r.Clock.Now().Add(delay)
	var to []replica
	for _, given := range reg.Rules {
		for _, d := range given.Destinations {
			known := slices.ContainsFunc(to, func(rep replica) bool { return rep.To == d })
			if given.fits(repo.Name) && !known {
				to = append(to, replica{To: d, Status: replicating, Tag: tag, Due: due})
			}
		}
	}
	if len(to) == 0 {
		return nil
	}
	if _, err := r.change(repo.ARN, func(repo *repository) error {
		img := repo.Images[dgst]
		img.Replicas = append(slices.DeleteFunc(img.Replicas, func(rep replica) bool { return rep.Tag == tag }), to...)
		repo.Images[dgst] = img
		return nil
	}); err != nil {
		return err
	}
	for _, rep := range to {
		r.arrive(repo.ARN, dgst, rep)
	}
	return nil
}

func (r rule) fits(name string) bool {
	return len(r.RepositoryFilters) == 0 || slices.ContainsFunc(r.RepositoryFilters, func(p prefix) bool { return strings.HasPrefix(name, p.Filter) })
}

// arrive brings a replica to its destination when it is due.
func (r *Room) arrive(arn, dgst string, rep replica) {
	r.work.Go(func() {
		if r.Clock.Sleep(r.ctx, max(0, rep.Due.Sub(r.Clock.Now()))) != nil {
			return // the engine ends; the next one goes on
		}
		status, code := replicated, ""
		if err := r.copy(r.ctx, arn, dgst, rep); err != nil {
			status, code = unreplicated, failureCode(err)
			r.warn(arn, rep, err)
		} else {
			r.tellReplica(arn, dgst, rep)
		}
		_, err := r.change(arn, func(repo *repository) error {
			img, there := repo.Images[dgst]
			if !there {
				return nil
			}
			for i := range img.Replicas {
				if img.Replicas[i].To == rep.To && img.Replicas[i].Tag == rep.Tag {
					img.Replicas[i].Status, img.Replicas[i].Code = status, code
				}
			}
			repo.Images[dgst] = img
			return nil
		})
		r.warn(arn, rep, err)
	})
}

func (r *Room) warn(arn string, rep replica, err error) {
	if err != nil {
		r.Log.Error("replica", "repository", arn, "region", rep.To.Region, "error", err)
	}
}

// errSwitched is the failure that a switch asks for.
var errSwitched = errors.New("a switch makes it fail")

// failureCode is the code of a failed replication. AWS does not list any.
func failureCode(err error) string {
	if errors.Is(err, errSwitched) {
		return "ReplicationFailed"
	}
	return "InternalError"
}

// copy brings an image to another registry, whose repository it makes where there is none. Settings are not copied; the
// other registry may have a template for them.
func (r *Room) copy(ctx context.Context, arn, dgst string, rep replica) error {
	if r.Switches.FailReplication == rep.To.Region {
		return errSwitched
	}
	source, err := r.find(arn)
	if err != nil {
		return err
	}
	img, there := source.Images[dgst]
	if !there {
		return errNoImage(source, imageID{ImageDigest: dgst})
	}
	at := place{partition: placeOf(arn).partition, region: rep.To.Region, account: rep.To.RegistryID}
	to := at.arn(source.Name)
	exists := r.Exists(to)
	if err := r.mayReplicate(ctx, placeOf(arn), at, to, exists); err != nil {
		return err
	}
	if !exists {
		if err := r.createFor(at, source.Name, forReplication); err != nil && !r.Exists(to) {
			return err
		}
	}
	for _, child := range append(slices.Clone(img.Children), dgst) {
		if err := r.Content.Copy(ctx, arn, to, child); err != nil {
			return err
		}
	}
	_, err = r.change(to, func(repo *repository) error {
		for _, child := range img.Children {
			repo.add(child, "", source.Images[child].alone())
		}
		tag := rep.Tag
		if repo.mayTag(tag) != nil {
			tag = "" // "the image may arrive untagged" where the destination's tags do not move
		}
		repo.add(dgst, tag, img.alone())
		return nil
	})
	return err
}

// mayReplicate asks the policy of another account's registry for what replication does there.
// Source: Amazon ECR User Guide, "Private registry permissions", "Granting registry permissions for cross account
// replication".
func (r *Room) mayReplicate(ctx context.Context, from, at place, to string, exists bool) error {
	if from.account == at.account {
		return nil
	}
	actions := []string{"ecr:ReplicateImage"}
	if !exists {
		actions = append(actions, "ecr:CreateRepository")
	}
	for _, action := range actions {
		need := protocol.Need{Action: action, Resources: []string{to}, ResourcePolicy: string(r.ResourcePolicy(to))}
		if err := r.Caller.Allow(ctx, r.deployer(from), at.region, need); err != nil {
			return err
		}
	}
	return nil
}

// alone is an image without what belongs to its repository.
func (i image) alone() image {
	i.Tags, i.Replicas = nil, nil
	return i
}

// resume goes on with the replicas that an engine which ended left on their way.
func (r *Room) resume() {
	for arn, repo := range r.repositories.All() {
		for dgst, img := range repo.Images {
			for _, rep := range img.Replicas {
				if rep.Status == replicating {
					r.arrive(arn, dgst, rep)
				}
			}
		}
	}
}
