{#- Tasks that were seen to be deleted; other tasks may still name them as what they depend on. -#}
with deleted as (
  select gid from ({{ asana_airbyte.staged('tasks', {'gid': 'text'}, deleted=true) }}) as of_tasks
  union all
  select gid from ({{ asana_airbyte.staged('subtasks', {'gid': 'text'}, deleted=true) }}) as of_subtasks
)

select distinct deleted.gid
from deleted
left join {{ ref('stg_asana_airbyte__tasks') }} as tasks on tasks.gid = deleted.gid
where tasks.gid is null
