package ecr

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// UpstreamImage names an image of an upstream registry, and a user of it.
type UpstreamImage struct {
	Host       string // "registry-1.docker.io"
	Repository string // "library/busybox"
	Reference  string // tag or digest
	Username   string // empty: nobody in particular
	Password   string
}

// Import brings in the image that a reference of a repository stands for, if a pull-through cache rule is about the
// repository and the repository does not have the image yet. Whoever pulls must be allowed to import it, and to create
// the repository where there is none. An image that is there is not looked for again.
//
// It fails as ECR does: with RepositoryNotFoundException without the right to create the repository, with
// ImageNotFoundException without the right to import the image or for one that the upstream registry does not have, and
// with UnableToGetUpstreamImageException where that registry does not give it.
// Source: Amazon ECR User Guide, "IAM permissions required to sync an upstream registry with an Amazon ECR private
// registry" and "Troubleshooting pull through cache issues in Amazon ECR".
func (r *Room) Import(ctx context.Context, as *session.Session, arn, reference string) error {
	if _, there := r.Resolve(arn, reference); there {
		return nil
	}
	at := placeOf(arn)
	account, name := splitARN(arn)
	rule, found, err := r.cacheOf(at, name)
	if err != nil || !found {
		return err
	}
	r.importing.Lock()
	defer r.importing.Unlock()
	if _, there := r.Resolve(arn, reference); there {
		return nil // somebody else's pull brought it
	}
	there := r.Exists(arn)
	if !there {
		if err := r.mayCreate(ctx, as, at, name); err != nil {
			return r.hinted(errNoRepository(name, account), err)
		}
	}
	if err := r.may(ctx, as, at, name, "ecr:BatchImportUpstreamImage"); err != nil {
		return r.hinted(protocol.Errorf("ImageNotFoundException", "Requested image not found"), err)
	}
	digests, err := r.bring(ctx, at, rule, name, reference)
	if err != nil {
		return err
	}
	if !there {
		if err := r.createFor(at, name, forCache); err != nil {
			return err
		}
	}
	return r.imported(ctx, arn, reference, digests)
}

// importAll brings in the images of a call. One that cannot be found is the call's own affair.
func (r *Room) importAll(ctx context.Context, as *session.Session, arn string, ids []imageID) error {
	for _, id := range ids {
		reference := id.ImageDigest
		if reference == "" {
			reference = id.ImageTag
		}
		if err := ignore(r.Import(ctx, as, arn, reference), "ImageNotFoundException"); err != nil {
			return err
		}
	}
	return nil
}

// cacheOf returns the rule that is about a repository: the one with the longest prefix.
func (r *Room) cacheOf(at place, name string) (rule cacheRule, found bool, err error) {
	reg, _, err := r.registries.Get(at.key())
	for _, c := range reg.Caches {
		if below(name, c.Prefix) && (!found || closer(c.Prefix, rule.Prefix)) {
			rule, found = c, true
		}
	}
	return rule, found, err
}

// mayCreate asks for the right to create the repository of an image, and to tag it where a template says so.
func (r *Room) mayCreate(ctx context.Context, as *session.Session, at place, name string) error {
	if err := r.may(ctx, as, at, name, "ecr:CreateRepository"); err != nil {
		return err
	}
	t, err := r.templateFor(at, name, forCache)
	if err != nil || len(t.Tags) == 0 {
		return err
	}
	return r.may(ctx, as, at, name, "ecr:TagResource")
}

// may asks for a right to a repository, by the caller's own policies, the repository's and the registry's.
func (r *Room) may(ctx context.Context, as *session.Session, at place, name, action string) error {
	arn := at.arn(name)
	return r.Caller.Allow(ctx, as, at.region, protocol.Need{Action: action, Resources: []string{arn}, ResourcePolicy: string(r.ResourcePolicy(arn))})
}

// hinted is what ECR says of a missing right, which is nothing of the kind, with what would mend it for the report.
func (r *Room) hinted(said, why error) error {
	var refused, answer *protocol.Error
	if !errors.As(why, &refused) || !errors.As(said, &answer) {
		return why
	}
	answer.Hint = fmt.Sprintf("%s; %s", refused.Message, refused.Hint)
	r.Log.Warn("pull through cache", "denied", refused.Message)
	return answer
}

// from names the upstream image, with the user that the rule's secret has.
func (r *Room) from(at place, rule cacheRule, name, reference string) (UpstreamImage, error) {
	from := UpstreamImage{Host: rule.URL, Repository: rule.upstream(name), Reference: reference}
	switch {
	case rule.Registry == hub && !strings.Contains(from.Repository, "/"):
		return from, errCredential // official images are below library/
	case rule.Credential == "":
		return from, nil
	}
	value, err := r.Secret(at.region, rule.Credential)
	if err != nil {
		return from, errCredential
	}
	var user struct {
		Username    string `json:"username"`
		AccessToken string `json:"accessToken"`
	}
	if json.Unmarshal([]byte(value), &user) != nil || user.Username == "" || user.AccessToken == "" {
		return from, errCredential
	}
	from.Username, from.Password = user.Username, user.AccessToken
	return from, nil
}

// errCredential is ECR's answer when the upstream registry refuses it.
var errCredential = protocol.Errorf("UnableToGetUpstreamImageException", "The authentication to the upstream registry failed. "+
	"Verify that the credentials provided in the pull through cache rule are correct, and try again.")

// imported keeps the images that were imported, the last of them under its tag.
func (r *Room) imported(ctx context.Context, arn, reference string, digests []string) error {
	for i, digest := range digests {
		mediaType, body, err := r.Content.Manifest(ctx, arn, digest)
		if err != nil {
			return err
		}
		var m manifest
		if err := json.Unmarshal(body, &m); err != nil {
			return fmt.Errorf("manifest %s: %w", digest, err)
		}
		tag := ""
		if i == len(digests)-1 && !strings.Contains(reference, ":") {
			tag = reference
		}
		if _, err := r.change(arn, func(repo *repository) error {
			repo.add(digest, tag, r.describeManifest(repo, mediaType, m))
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}
