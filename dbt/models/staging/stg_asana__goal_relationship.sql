{{ asana_airbyte.staged('goal_relationships', {
  'gid': 'text',
  'goal_id': 'text',
  'resource_subtype': 'text',
  'contribution_weight': 'number',
  'supported_goal': 'json',
  'supporting_resource': 'json'
}) }}
