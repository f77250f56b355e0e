package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"cloakroom/broker/admin"
)

// OperatorIn names an operator.
type OperatorIn struct {
	ID string `path:"id"`
}

type changeOperatorIn struct {
	OperatorIn
	Conditional
}

func operatorVersion(o *admin.Operator) int64 { return o.Version }

// operators are the routes of who works in the console.
func (a *API) operators(h huma.API) {
	const all, one = "/operators", "/operators/{id}"
	on(a, h, route{method: http.MethodGet, path: all, id: "list-operators", summary: "List the operators of the console", tag: "Operators"}, a.listOperators)
	on(a, h, route{method: http.MethodPost, path: all, id: "create-operator", summary: "Add an operator; the link to enrol by is answered this once", tag: "Operators", takes: admin.NewOperator{}, status: 201}, a.createOperator)
	on(a, h, route{method: http.MethodGet, path: one, id: "get-operator", summary: "Read an operator", tag: "Operators"}, a.getOperator)
	on(a, h, route{method: http.MethodPatch, path: one, id: "update-operator", summary: "Change, disable or enable an operator", tag: "Operators", takes: admin.OperatorPatch{}}, a.updateOperator)
	on(a, h, route{method: http.MethodDelete, path: one, id: "delete-operator", summary: "Remove an operator", tag: "Operators", status: 204}, a.deleteOperator)
	on(a, h, route{method: http.MethodPost, path: one + "/reset", id: "reset-operator", summary: "Take away what an operator signs in with, and make a new link to enrol by", tag: "Operators", takes: admin.OperatorReset{}}, a.resetOperator)
}

func (a *API) listOperators(ctx context.Context, who admin.Actor, in *Paging) (*object[admin.Page[*admin.Operator]], error) {
	return plain(a.Admin.ListOperators(ctx, who, in.page()))
}

func (a *API) createOperator(ctx context.Context, who admin.Actor, _ *nothing) (*object[*admin.OperatorLink], error) {
	made, err := a.Admin.CreateOperator(ctx, who, bodyOf(ctx))
	if err != nil {
		return nil, err
	}
	o, err := plain(made, nil)
	return located(o, "operators", made.ID), err
}

func (a *API) getOperator(ctx context.Context, who admin.Actor, in *OperatorIn) (*object[*admin.Operator], error) {
	o, err := a.Admin.GetOperator(ctx, who, in.ID)
	return versioned(o, operatorVersion, err)
}

func (a *API) updateOperator(ctx context.Context, who admin.Actor, in *changeOperatorIn) (*object[*admin.Operator], error) {
	o, err := a.Admin.UpdateOperator(ctx, who, in.ID, match(in.IfMatch), bodyOf(ctx))
	return versioned(o, operatorVersion, err)
}

func (a *API) deleteOperator(ctx context.Context, who admin.Actor, in *changeOperatorIn) (*empty, error) {
	return gone(a.Admin.DeleteOperator(ctx, who, in.ID, match(in.IfMatch)))
}

func (a *API) resetOperator(ctx context.Context, who admin.Actor, in *OperatorIn) (*object[*admin.OperatorLink], error) {
	return plain(a.Admin.ResetOperator(ctx, who, in.ID, bodyOf(ctx)))
}
