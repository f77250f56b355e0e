package console

import (
	"slices"

	"github.com/gin-gonic/gin"
)

// Mount adds the routes: each part of the console lists its own beside its handlers.
func (f *Front) Mount(r gin.IRouter) {
	for _, at := range slices.Concat(
		f.signinRoutes(), f.overviewRoutes(), f.connectionRoutes(), f.peopleRoutes(), f.clientRoutes(), f.domainRoutes(), f.inviteRoutes(), f.keyRoutes(), f.loginRoutes(), f.ledgerRoutes(), f.lifeRoutes(), f.rolloverRoutes(), f.shadowRoutes(), f.operatorRoutes(), f.wizardRoutes(), f.setupLinkRoutes(), f.directoryRoutes(),
	) {
		r.Handle(at.method, at.path, gin.HandlerFunc(at.handle))
	}
}
