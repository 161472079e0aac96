package ecr

import "github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"

// tell tells EventBridge of what was done to an image: "PUSH", "DELETE" or "REPLICATE".
// Source: Amazon ECR User Guide, "Amazon ECR events and EventBridge".
func (r *Room) tell(arn, action, tag, dgst string, more map[string]any) {
	if r.Publish == nil {
		return
	}
	at := placeOf(arn)
	_, name := splitARN(arn)
	detail := map[string]any{"result": "SUCCESS", "repository-name": name, "image-digest": dgst, "action-type": action}
	if tag != "" {
		detail["image-tag"] = tag
	}
	kind, resources := "ECR Image Action", []string{}
	if action == actionReplicate {
		kind, resources = "ECR Replication Action", []string{arn}
	}
	for field, value := range more {
		detail[field] = value
	}
	r.Publish(protocol.Event{Source: "aws.ecr", DetailType: kind, Account: at.account, Region: at.region, Time: r.Clock.Now(),
		Resources: resources, Detail: detail})
}

// What is done to images.
const (
	actionPush      = "PUSH"
	actionDelete    = "DELETE"
	actionReplicate = "REPLICATE"
)

// tellReplica tells the EventBridge of the destination that a replica is there.
func (r *Room) tellReplica(from, dgst string, rep replica) {
	source := placeOf(from)
	_, name := splitARN(from)
	to := place{partition: source.partition, region: rep.To.Region, account: rep.To.RegistryID}
	r.tell(to.arn(name), actionReplicate, rep.Tag, dgst, map[string]any{"source-account": source.account, "source-region": source.region})
}
